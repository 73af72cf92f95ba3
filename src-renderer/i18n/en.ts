/** Every word the window shows, in English. Translations have the same shape. */
import { callEnds } from './callEnds.ts'
import { errors } from './errors.ts'

export const en = {
  app: { name: 'Ringway' },
  common: {
    back: 'Back', cancel: 'Cancel', close: 'Close', copied: 'Copied', dismiss: 'Dismiss', done: 'Done', loading: 'Loading',
    optional: 'optional', save: 'Save',
  },
  time: { today: 'Today', yesterday: 'Yesterday' },
  connection: {
    starting: 'Connecting to your peer…',
    lostDesktop: 'The phone behind this window stopped.', lostBrowser: 'The connection to your peer is lost.',
    retryIn: 'Next attempt in {seconds} s', retrying: 'Trying…', retryNow: 'Try now', none: 'No connection to your peer',
  },
  nav: {
    main: 'Main navigation', skip: 'Skip to content', chats: 'Chats', calls: 'Calls', contacts: 'Contacts', network: 'Network', settings: 'Settings',
    badge: { chats: 'unread', calls: 'missed', contacts: 'new', network: 'warning | warnings' },
  },
  search: {
    label: 'Search or dial', placeholder: 'Name or sip: address', results: 'Results', clear: 'Clear', call: 'Call {aor}', message: 'Message {aor}', add: 'Add {aor} to contacts',
    none: 'Nobody found. Type a whole address to call it.', keys: 'Enter opens the chat, Ctrl Enter calls',
  },
  status: {
    own: 'Your status: {state}', title: 'What others see', note: 'Note', notePlaceholder: 'Back at three', save: 'Save note',
  },
  presence: {
    available: 'Available', busy: 'Busy', away: 'Away', 'in-call': 'In a call', offline: 'Offline', unknown: 'Not known yet',
    own: { available: 'Available', busy: 'Busy', away: 'Away', offline: 'Appear offline' },
    sinceTime: 'since {time}', sinceDate: 'since {time}',
  },
  start: {
    title: 'Welcome to {overlay}', text: 'Bring in the people you want to talk to. Calls and messages go straight from your device to theirs.',
    chatsTitle: 'Your messages', chatsText: 'Choose a conversation, or find somebody with the field at the top.',
    callsTitle: 'Your calls', callsText: 'Choose an entry, or type a name or an address at the top to call.',
    contactsTitle: 'Your people', contactsText: 'Choose somebody to see whether they are free, and call or write.',
  },
  chats: { new: 'New conversation', unread: ' unread', emptyTitle: 'No conversations yet', emptyText: 'Messages you send and receive appear here.' },
  messages: {
    logLabel: 'Conversation with {name}', placeholder: 'Message {name}', send: 'Send message', retry: 'Try again', from: 'From {name}:', fromMe: 'You:',
    emptyTitle: 'Say hello to {name}', emptyText: 'Messages go directly between your devices. If they are offline, yours waits here until they are back.',
    queuedFor: 'Waiting for {name} to come online',
    state: { queued: 'Waiting', sending: 'Sending', delivered: 'Delivered', failed: 'Not delivered', received: 'Received' },
  },
  contacts: {
    add: 'Add contact', addTitle: 'Add a contact', addText: 'By sip: address. Inside {overlay} the user name is enough.',
    address: 'Address', name: 'Name', means: 'Means {aor}', favourites: 'Favourites', everybody: 'Everybody',
    emptyTitle: 'No contacts yet', emptyText: 'Add people by their address, such as {example}, and see when they are free.',
  },
  person: {
    call: 'Call', message: 'Message', callName: 'Call {name}', favourite: 'Favourite', rename: 'Change name', renameText: 'Only you see this name.', remove: 'Remove contact',
    removeTitle: 'Remove {name}?', removeText: 'You will no longer see their presence. Messages and calls stay in your history.', removeYes: 'Remove',
    addToContacts: 'Add to contacts', copy: 'Copy address', recent: 'Recent calls',
  },
  history: {
    filter: 'Show', all: 'All', missed: 'Missed', callBack: 'Call {name}', times: '{words} ({n})',
    emptyTitle: 'No calls yet', emptyText: 'Calls you make and receive appear here.', noneMissedTitle: 'Nothing missed', noneMissedText: 'Missed calls would stand here.',
    answered: { in: 'Incoming', out: 'Outgoing' },
    outcome: { answered: 'Answered', missed: 'Missed', declined: 'Declined', cancelled: 'Cancelled', failed: 'Failed', 'answered-elsewhere': 'Answered elsewhere' },
  },
  incoming: {
    title: 'Incoming call', answer: 'Answer', decline: 'Decline', message: 'Message…', endAndAnswer: 'Hold & answer', silence: 'Silence', verified: 'verified', unverified: 'not verified',
    busyWith: 'You are in a call with {name}.', over: 'The call is over',
  },
  call: {
    barLabel: 'Call with {name}', return: 'Return to call', controls: 'Call controls', mute: 'Mute microphone', muteWord: 'Mute', mutedNow: 'Your microphone is off',
    devices: 'Sound devices', devicesWord: 'Sound', hangup: 'Hang up', again: 'Call again', lasted: 'Duration {time}', goneTitle: 'This call is over', goneText: 'You find it in the list of calls.',
    hold: 'Hold', resume: 'Resume', keypad: 'Keypad', key: 'Key {key}', transfer: 'Transfer', transferTo: 'Pass the call on to', transferNow: 'Transfer now', joinWith: 'Connect with {name}',
    heldByMe: '{name} is on hold', heldByThem: '{name} has put you on hold', referredBy: 'Transferred by {name}',
    transferState: { asking: 'Transferring to {target}…', calling: 'Transferring: calling {target}…', ringing: 'Transferring: {target} rings…', done: 'Transferred to {target}', failed: '{target} could not be reached; you are still in the call' },
    reconnecting: 'Reconnecting…', reconnectingText: 'The network changed or is slow. The call goes on when it is back.',
    noSound: 'No sound arrives', noSoundText: '{name} may be muted, or a firewall is in the way.', peerGone: 'The connection to your peer is lost; the call may have ended.',
    state: { finding: 'Finding {name}…', calling: 'Calling…', ringing: 'Ringing…', incoming: 'Is calling you', connecting: 'Connecting sound…', active: 'Connected', ended: 'Ended' },
    security: { verified: 'Encrypted, identity verified', 'dtls-srtp': 'Encrypted', sdes: 'Encrypted on the way', none: 'Not encrypted' },
  },
  callEnd: callEnds,
  invite: {
    open: 'Invite people', title: 'Invite people to {overlay}',
    text: 'You give each person a link with a code that works once. Your app has to be running when they use it.',
    textMade: 'Send the link, or let them scan the code. On the same network, they can also pick the overlay and type the code.',
    textOpen: 'Anyone may join this overlay.',
    lanTitle: 'On the same network: nothing to do', lanText: 'They open Ringway, choose “Join an overlay” and pick {overlay}. Elsewhere, send them the overlay file.',
    saveFile: 'Save overlay file', userName: 'Their user name', userNameHint: 'Becomes their address.', validFor: 'Valid for',
    hours: { 1: 'One hour', 24: 'One day', 168: 'One week', 720: '30 days' }, later: 'Not now', make: 'Make invitation',
    qrLabel: 'QR code of the invitation for {name}', for: 'For', code: 'One-time code', expires: 'Valid until', secret: 'Whoever has it can join under this name, once. Send it on a way you trust.',
    another: 'Invite another', copyCode: 'Copy code', copyLink: 'Copy link', revoke: 'Revoke', revokeFor: 'Revoke the invitation for {name}',
    state: { open: 'Valid until {date}', used: 'Used', expired: 'Expired on {date}', revoked: 'Revoked' },
  },
  network: {
    statusLabel: 'Network:', peers: 'just you | {n} peer | {n} peers', peersWord: 'peers | peer | peers', reachable: 'Reachable', notRegistered: 'Making you reachable…', queued: '{n} message waits | {n} messages wait', keyInFile: 'Key kept in a file',
    phase: {
      'not-enrolled': 'Not in an overlay', stopped: 'Stopped', starting: 'Starting…', joining: 'Joining…', joined: 'Connected', alone: 'You are the only one online', offline: 'Offline, looking for peers',
    },
    step: { listen: 'Opening the network port…', bootstrap: 'Looking for peers…', attach: 'Linking with neighbours…', join: 'Joining the ring…', register: 'Making you reachable…' },
    title: 'The ring of {overlay}', text: 'Everyone’s device holds a share of the directory. These are the peers yours is linked with.',
    aloneText: 'You are the only peer right now. The ring grows as others start Ringway.', viewAs: 'View as', ring: 'Ring', table: 'Table', you: 'You',
    ringLabel: 'Overlay ring, {n} peer shown | Overlay ring, {n} peer shown | Overlay ring, {n} peers shown', peerLabel: 'Peer {index} of {count}, {name}, {relation}, {rtt}', choose: 'Choose a peer on the ring to see how you are linked.',
    nobody: 'No other peer is linked with yours right now.', ms: '{n} ms', ping: 'Measure', hops: 'direct | {n} hop | {n} hops', counters: 'Counters',
    head: { peer: 'Peer', relation: 'Relation', address: 'Address', rtt: 'Round trip' },
    relation: { predecessor: 'predecessor', successor: 'successor', finger: 'finger', client: 'client', link: 'linked' },
    role: { enrol: 'enrolment', proxy: 'proxy', registrar: 'registrar', redirect: 'redirect', relay: 'relay', gateway: 'gateway' },
    own: { title: 'Your peer', phase: 'State', reachable: 'Can be called', yes: 'Yes', no: 'Not yet', listen: 'Listens on', peers: 'Peers, estimated', links: 'Linked with', roles: 'Serves as', rolesNone: 'peer', nodeId: 'Node-ID' },
  },
  settings: {
    profile: {
      title: 'Profile', text: 'Who you are in this overlay, and what proves it.', issuedBy: 'Certificate from', selfSigned: 'yourself (open overlay)', organiserOf: 'the organiser of {overlay}', validUntil: 'Valid until', fingerprint: 'Certificate fingerprint',
      keyring: 'Your key is sealed by the keyring of this desktop.', keyFileTitle: 'Your key is kept in a file', keyFileText: 'This desktop offers no keyring. The file can be read only by your user account; protect the account and the disk.',
    },
    sound: {
      title: 'Sound', text: 'What you speak into, and where you hear.', microphone: 'Microphone', speaker: 'Speaker for calls', speakerText: 'Where you hear the other side.', ringer: 'Ring on', ringerText: 'May be another one, so that you hear it without the headset.',
      ringVolume: 'Ring volume', system: 'Chosen by the system', absent: '{name} (not connected)', test: 'Test', stop: 'Stop', listen: 'Listen', level: 'Microphone level', levelIs: '{n} percent', testText: 'Speak: the bar should move into the upper third.',
      namesLater: 'The names of your devices appear once the microphone has been tested.',
    },
    appearance: { title: 'Appearance', text: 'How Ringway looks.', theme: 'Theme', system: 'As the system', systemText: 'Follows the light or dark setting of your desktop.', light: 'Light', lightText: 'Always light.', dark: 'Dark', darkText: 'Always dark.' },
    notifications: {
      title: 'Notifications', text: 'What reaches you when the window is hidden.', show: 'Show notifications', showText: 'For messages and missed calls. Incoming calls always show.', content: 'Show the text of messages', contentText: 'Without it a notification says only who wrote.',
      hidden: 'Start hidden', hiddenText: 'Ringway starts in the tray and can be called at once.',
    },
    privacy: {
      title: 'Privacy', text: 'Who sees what.', presenceFor: 'Who may see your presence', everyone: 'Everyone in the overlay', everyoneText: 'Whoever adds your address sees whether you are free.', contacts: 'Only your contacts', contactsText: 'Others see you as offline, and can still call you.',
      inCall: 'Show when you are in a call', inCallText: 'Otherwise others see the state you chose.',
    },
    network: { title: 'Network', text: 'How your peer finds others.', multicast: 'Find and be found on the local network', multicastText: 'Announces the overlay’s name, never yours, to devices on the same network, so that people can join by picking it.' },
    overlay: {
      title: 'Overlay', text: 'The network of people you belong to.', organiser: 'you organise it', fingerprint: 'Fingerprint of its root', file: 'Overlay file', fileText: 'Describes the overlay to new peers. Holds no secret.', save: 'Save file',
      keepTitle: 'This installation is the organiser', keepText: 'It holds the key that takes people in. Keep this app running while somebody joins.', invitations: 'Invitations', noInvitations: 'No invitations yet.',
    },
    about: { title: 'About', text: 'This installation.', version: 'Version {version}', words: 'A desktop phone that needs no server: every installation is a full peer of its overlay, by the open standards RELOAD and SIP.', profile: 'Profile', platform: 'Platform' },
  },
  welcome: {
    title: 'Call anyone. No server in between.', text: 'Ringway connects the devices of a group directly. Such a group is called an overlay. Start one, or join the one you were invited to.',
    create: 'Create an overlay', createHint: 'For your family, office or club. You invite the others.', join: 'Join an overlay', joinHint: 'One on this network, or with an invitation.',
    privacy: 'Your key is made on this computer and never leaves it.',
    createTitle: 'Create an overlay', createText: 'Takes a few seconds. This installation becomes its organiser.', joinTitle: 'Join an overlay', joinText: 'Pick one on this network, or use what the organiser sent you.',
    overlayName: 'Name of the overlay', overlayNameHint: 'Like a domain; need not exist on the internet.', userName: 'Your user name', userNameHint: 'Your address will be {address}', displayName: 'Your name', displayNameHint: 'Shown to people you call.',
    whoMayJoin: 'Who may join', inviteOnly: 'By invitation', inviteOnlyText: 'You give each person a code. Everyone’s identity is certified by you.', open: 'Open to anyone', openText: 'Whoever knows the overlay can join under any free name. Names are kept by whoever comes first.',
    creating: 'Creating…', creatingText: 'Making the keys of the overlay and yours on this computer.',
    onThisNetwork: 'On this network', looking: 'Looking for overlays…', lookingMore: 'Looking for more…', peersHere: '{n} peer here | {n} peer here | {n} peers here', link: 'Invitation link', useLink: 'Continue with link', openFile: 'Open overlay file…',
    other: 'Choose another', fingerprint: 'Fingerprint', fingerprintText: 'Compare it with the organiser if you want to be sure that it is the right overlay.', code: 'Invitation code', codeHint: 'The organiser gives it to you. It works once.', invitedAs: 'The invitation is for {name}.',
    joining: 'Joining…', joiningText: 'Making your key here, and asking the organiser’s app to certify it.', joiningOpenText: 'Making your key here.',
  },
  keys: {
    title: 'Keyboard shortcuts', text: 'Work everywhere in the window.', new: 'New call or chat', search: 'Search or dial', chats: 'Chats', calls: 'Calls', contacts: 'Contacts', network: 'Network', settings: 'Settings', nextRegion: 'Next region', previousRegion: 'Previous region',
    previousChat: 'Previous conversation', nextChat: 'Next conversation', shortcuts: 'This list', call: 'Call the person shown', answer: 'Answer', decline: 'Decline', hangup: 'Hang up', mute: 'Mute or unmute', muteShort: 'Mute or unmute, outside text fields',
  },
  warnings: {
    'keyring-missing': { what: 'Your key is kept in a file.', do: 'This desktop offers no keyring. Protect your account and the disk.' },
    'multicast-unavailable': { what: 'The local network cannot be searched.', do: 'Overlays and peers nearby are not listed. Invitation links and known addresses still work.' },
    'certificate-expiring': { what: 'Your certificate ends soon.', do: '{detail}' },
    'name-taken': { what: 'Somebody else has your user name.', do: '{detail}' },
    'database-rescued': { what: 'A new database was started.', do: '{detail}' },
    'port-changed': { what: 'The usual network port was taken.', do: 'Ringway listens on another one: {detail}' },
  },
  errors,
}
