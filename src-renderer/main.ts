/** Starts the window: door to the peer, stores, sound, router, words. */
import './lib/noEval.ts'
import './styles/main.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n } from './i18n/index.ts'
import { electronPort } from './ipc/electronPort.ts'
import { takeToken, webSocketPort } from './ipc/webSocketPort.ts'
import { makeRouter } from './router.ts'
import { startSound } from './media/startSound.ts'
import { startClocks } from './lib/time.ts'
import { usePeer } from './stores/peer.ts'

const bridge = window.ringway
const token = bridge === undefined ? takeToken(location, history, sessionStorage) : ''
const app = createApp(App).use(createPinia()).use(makeRouter()).use(i18n)

startClocks()
if (bridge?.view !== 'incoming') startSound()
void usePeer().connect(() => (bridge === undefined ? webSocketPort(location, token) : electronPort(bridge)))
app.mount('#app')
