/** The screens by address. The hash keeps one page for file:, app: and http: alike. */
import { createRouter, createWebHashHistory, type Router, type RouteRecordRaw } from 'vue-router'
import ChatsList from './views/ChatsList.vue'
import CallsList from './views/CallsList.vue'
import ContactsList from './views/ContactsList.vue'
import NetworkList from './views/NetworkList.vue'
import SettingsList from './views/SettingsList.vue'
import ConversationView from './views/ConversationView.vue'
import PersonView from './views/PersonView.vue'
import CallStage from './views/CallStage.vue'
import NetworkView from './views/NetworkView.vue'
import SettingsView from './views/SettingsView.vue'
import NothingChosen from './views/NothingChosen.vue'

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/chats' },
  { path: '/chats', components: { default: NothingChosen, list: ChatsList }, meta: { section: 'chats' } },
  { path: '/chats/:aor', components: { default: ConversationView, list: ChatsList }, meta: { section: 'chats' } },
  { path: '/calls', components: { default: NothingChosen, list: CallsList }, meta: { section: 'calls' } },
  { path: '/calls/:aor', components: { default: PersonView, list: CallsList }, meta: { section: 'calls' } },
  { path: '/call/:id', components: { default: CallStage, list: CallsList }, meta: { section: 'calls' } },
  { path: '/contacts', components: { default: NothingChosen, list: ContactsList }, meta: { section: 'contacts' } },
  { path: '/contacts/:aor', components: { default: PersonView, list: ContactsList }, meta: { section: 'contacts' } },
  { path: '/network', components: { default: NetworkView, list: NetworkList }, meta: { section: 'network' } },
  { path: '/settings', redirect: '/settings/profile' },
  { path: '/settings/:section', components: { default: SettingsView, list: SettingsList }, meta: { section: 'settings' } },
  { path: '/:rest(.*)*', redirect: '/chats' },
]

export const makeRouter = (): Router => createRouter({ history: createWebHashHistory(), routes })
