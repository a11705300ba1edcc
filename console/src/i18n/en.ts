// English: the keys of every other language. "one|many" is chosen by n.
export const en = {
  // words
  actions: 'Actions', aliases: 'Aliases', allocated: 'Allocated', 'allocated.below': 'Handed out below', amount: 'Amount', aggregation: 'Aggregation', back: 'Back', cancel: 'Cancel', carved: 'Carved',
  chart: 'Chart', close: 'Close', code: 'Code', copied: 'Copied', copy: 'Copy', created: 'Created', disabled: 'Disabled', edit: 'Edit', enforce: 'Enforcement', expires: 'Expires', 'expires.empty': 'Leave empty for never.',
  filters: 'Filters', 'filter.clear': 'Clear filters', find: 'Find', from: 'From', to: 'To', language: 'Language', limit: 'Limit', line: 'line', loading: 'Loading…', menu: 'Menu', meter: 'Meter', more: 'Show {n} more',
  name: 'Name', never: 'Never', node: 'Node', 'node.path': 'Path', 'node.root': 'All', nothing: 'Nothing found', now: 'Now', then: 'Then', others: 'Others', password: 'Password', quotas: 'Quotas', refresh: 'Refresh',
  remove: 'Remove', renew: 'Renew', reserved: 'Reserved', retry: 'Try again', role: 'Role', rows: '{n} row|{n} rows', save: 'Save', secret: 'Secret', settings: 'Settings', skip: 'Skip to content', starts: 'Starts', subject: 'Subject',
  subtree: 'Subtree', tenant: 'Tenant', tenants: 'Tenants', theme: 'Theme', 'theme.light': 'Light', 'theme.dark': 'Dark', 'theme.system': 'As the system', timezone: 'Time zone', today: 'Today', total: 'Total', unit: 'Unit',
  unlimited: 'Unlimited', unreadable: 'Could not be read', used: 'Used', view: 'View', 'view.bars': 'Bars', 'view.map': 'Map', 'quotas.order': 'Order', 'quotas.byplace': 'By place', 'quotas.fullest': 'Fullest first', 'quotas.below': '{n} below', window: 'Window', yes: 'Yes', 'yesterday.bynow': 'Yesterday by this time', 'yesterday.then': 'A day ago',
  'month.before': 'Month before', 'month.after': 'Month after',

  nav: 'Console', 'nav.overview': 'Overview', 'nav.system': 'System', 'nav.tenant': 'Today', 'nav.usage': 'Usage', 'nav.resources': 'Resources', 'nav.events': 'Events', 'nav.definitions': 'Definitions', 'nav.audit': 'Audit', 'nav.apis': 'Vendor APIs',
  'role.operator': 'Operator', 'role.admin': 'Administrator', 'role.member': 'Member', 'role.viewer': 'Viewer', 'role.ingester': 'Ingester',

  // sign-in
  signin: 'Sign in', signout: 'Sign out', 'signin.way': 'How to sign in', 'signin.password': 'Name and password', 'signin.token': 'Token', 'signin.login': 'Name', 'signin.bearer': 'Bearer token',
  'signin.bearer.hint': "The operator's token is in the server's data folder, in operator.token.", 'signin.busy': 'Signing in…', 'signin.bad': 'The name or the password is wrong. Where several tenants have the name, write name@tenant.',
  'signin.badtoken': 'The token is unknown or has expired.', 'signin.locked': 'Too many failed attempts. Try again in {n} second.|Too many failed attempts. Try again in {n} seconds.',
  'signin.ended': 'Your session has ended. Sign in to go on where you were.', 'signin.help': 'No account? Ask whoever runs this server, or read', 'signin.reference': 'the API reference',
  'ingester.title': 'This token records usage only', 'ingester.text': 'It may send events, charges and holds, but not read them. Sign in with another token or user to look around.',

  // pages that are not there, and errors
  'page.missing': 'There is no such page', 'page.missing.text': 'The address may be mistyped, or your role does not reach there.', 'page.home': 'Go to the start', 'page.failed': 'The page could not be loaded', 'page.failed.text': 'The server may have been updated. Load the page again.',
  'tenant.missing': 'There is no such tenant', 'tenant.missing.text': 'You may not see a tenant {id}, or there is none.', 'tenant.find': 'Find a tenant', 'tenant.choose': 'Choose a tenant',
  'problem.offline': 'The server does not answer', 'problem.internal': 'The server met a defect', 'problem.invalid': 'The request is wrong.', 'problem.not-found': 'Not found.', 'problem.conflict': 'It contradicts what is stored.', 'problem.quota-exceeded': 'A quota has no room.',
  'problem.unauthorized': 'You are not signed in.', 'problem.forbidden': 'Your role does not allow this.', 'problem.too-large': 'Too large.', 'problem.unavailable': 'The server is busy.', 'problem.locked': 'Locked for a while.',
  'remedy.offline': 'Check that it is running and reachable, then try again.', 'remedy.internal': 'Try again. If it stays so, look for this request in the log:', 'remedy.invalid': 'Correct what is named and try again.', 'remedy.not-found': 'It may have been removed meanwhile.',
  'remedy.conflict': 'Look at what is there now, then decide again.', 'remedy.quota-exceeded': 'Raise the limit, free some, or ask for less.', 'remedy.unauthorized': 'Sign in again.', 'remedy.forbidden': 'Ask an administrator of the tenant.', 'remedy.too-large': 'Ask for less at once.', 'remedy.unavailable': 'Wait a moment and try again.', 'remedy.locked': 'Wait and try again.',
  'chart.failed': 'The chart could not be loaded; the table below has its numbers.',

  // overview
  'overview.lead': 'Every tenant, the fullest first.', 'overview.tightest': 'Tightest quota', 'overview.today': 'Today', 'overview.expires': 'Next expiry', 'overview.over': 'Over a limit', 'overview.near': 'At 80% or more', 'overview.expiring': 'Resources expire in 7 days',
  'overview.overn': '{n} over its limit|{n} over their limit', 'overview.inweek': '{n} within 7 days', 'overview.noquota': 'No quota', 'overview.meter': "Today's", 'overview.reading': '{n} of {all} read', 'overview.nomatch': 'No row matches. Change or clear the filters.',
  'overview.none': 'No tenant yet', 'overview.none.text': 'Describe your first tenant in a file and apply it, or create one through the API.',

  // tenant
  'tenant.today': 'Today so far', 'tenant.today.note': 'Against yesterday by the same time; curves are the last 14 days', 'tenant.fortnight': 'The last 14 days', 'tenant.over': '{n} quota over its limit|{n} quotas over their limit',
  'tenant.expiring': 'Expires next', 'tenant.calendar': 'Calendar', 'tenant.expiring.more': '{n} more within 30 days', 'tenant.expiring.none': 'Nothing expires soon', 'tenant.expiring.none.text': 'No resource expires within the next 30 days.',
  'first.title': 'No usage yet', 'first.text': 'Send a first event and watch it appear here. Any token that may record usage will do.',
  'quotas.none': 'No quota yet', 'quotas.none.text': 'A quota limits a meter at a node and all below it. Set one, and this page shows how full it is.', 'quotas.set': 'Set a quota',
  'treemap.label': '{meter} by node', 'treemap.walk': 'Open', 'treemap.kept': 'Not handed out', 'treemap.area': 'Area: limit. Filling: used.', 'treemap.none': 'No quota of this meter here', 'treemap.none.text': 'Choose another meter, or go up.',
  'window.lifetime': 'Lifetime', 'window.day': 'Each day', 'window.month': 'Each month', 'enforce.hard': 'Hard', 'enforce.soft': 'Soft', 'enforce.shadow': 'Shadow',

  // usage
  'usage.ask': 'Question', 'usage.period': 'Period', 'usage.by': 'By', 'usage.group': 'Group by', 'usage.group.none': 'Nothing', 'usage.draw': 'Draw', 'usage.bars': 'Bars', 'usage.lines': 'Lines', 'usage.compare': 'Compare with the period before', 'usage.before': 'The period before',
  'usage.link': 'Copy link', 'usage.last': 'Latest', 'usage.peak': 'Peak', 'usage.average.HOUR': 'Average hour', 'usage.average.DAY': 'Average day', 'usage.average.MONTH': 'Average month', 'usage.table': 'In numbers', 'usage.exactly': 'Exactly', 'usage.share': 'Share', 'usage.nogroup': '(none)', 'usage.unzoom': 'Whole period',
  'usage.none': 'No usage in this period', 'usage.none.text': 'Choose a longer period, another meter, or clear the filters.', 'by.HOUR': 'Hour', 'by.DAY': 'Day', 'by.MONTH': 'Month',
  'period.today': 'Today', 'period.yesterday': 'Yesterday', 'period.7d': 'Last 7 days', 'period.30d': 'Last 30 days', 'period.90d': 'Last 90 days', 'period.month': 'This month', 'period.lastmonth': 'Last month', 'period.12m': 'Last 12 months', 'period.custom': 'Other days…',

  // resources
  'resources.lead': 'What was bought or allotted, and when it lapses.', 'resources.calendar': 'Calendar', 'resources.list': 'List', 'resources.new': 'New resource', 'resources.edit': 'Resource {id}', 'resources.type': 'Business type', 'resources.mode': 'Charging mode', 'resources.source': 'Source', 'resources.order': 'Order', 'resources.kind': 'Resource type', 'resources.frozen': 'Frozen',
  'resources.expire': '{n} expires|{n} expire', 'resources.inmonth': 'In this month', 'resources.wholemonth': 'Whole month', 'resources.count': '{n} resource|{n} resources', 'resources.first': 'The first {n} of {all}: narrow the filters', 'resources.many': 'Too many to list', 'resources.many.text': 'Choose a day.', 'resources.nothing': 'Nothing expires', 'resources.nothing.text': 'No resource that matches the filters lapses then.', 'resources.nomatch': 'No resource matches.',
  'resources.none': 'No resource yet', 'resources.none.text': 'Record what was bought or allotted: packages, channels, hours. The calendar then shows what lapses when.', 'resources.removal': 'The resource is removed from every list and count. The ledger keeps its history.',
  'mode.PERIODIC': 'Periodic', 'mode.ONE_TIME': 'One-time', 'mode.ON_DEMAND': 'On demand', 'source.PURCHASED': 'Purchased', 'source.SP_ALLOCATED': 'By provider', 'source.ADMIN_ALLOCATED': 'By administrator',
  'renew.title': 'Renew {id}', 'renew.until': 'New last day', 'renew.months': '{n} month|{n} months', 'renew.days': '{n} day|{n} days',

  // events
  'events.lead': 'Everything that was counted, newest first.', 'events.more': '{n} shown, scroll for older ones', 'events.all': '{n} event|{n} events', 'events.older': 'Older ones', 'events.nomatch': 'No event matches. Change or clear the filters.',
  'event.time': 'Time', 'event.type': 'Type', 'event.source': 'Source', 'event.data': 'Data', 'event.sequence': 'Ledger entry', 'event.recorded': 'Recorded', 'event.actor': 'By', 'event.counted': 'Counted towards', 'event.counted.note': 'As the meters are defined now.', 'event.counted.none': 'No meter counts events of this type.', 'event.voided': 'Voided', 'event.amended': 'Amended',

  // definitions
  'kind.quotas': 'Quotas', 'kind.nodes': 'Nodes', 'kind.meters': 'Meters', 'kind.users': 'Users', 'kind.keys': 'Signing keys', 'kind.tokens': 'Tokens', 'kind.tenant': 'Tenant',
  'new.quotas': 'New quota', 'new.nodes': 'New node', 'new.meters': 'New meter', 'new.users': 'New user', 'new.keys': 'New key', 'new.tokens': 'New token', 'new.tenant': 'Tenant', 'edit.title': 'Edit {name}',
  'none.quotas': 'No quota yet', 'none.nodes': 'No node yet', 'none.meters': 'No meter yet', 'none.users': 'No user yet', 'none.keys': 'No signing key yet', 'none.tokens': 'No token yet', 'none.tenant': 'No tenant',
  'about.quotas': 'A quota limits a meter at a node and all below it: for good, or for each day or month in the tenant’s zone.', 'about.nodes': 'Departments, projects, spaces and apps: the places that usage is charged to. Aliases are the ids by which vendors’ APIs know them.', 'about.meters': 'A meter says which events count, how they add up, and in what unit.',
  'about.users': 'People and programs that sign in with a name and a password, here and at the vendors’ APIs.', 'about.keys': 'Keys that sign the vendors’ calls: access keys, application keys, ZStack keys. Each speaks for a user.', 'about.tokens': 'Bearer tokens of the native API. Removing one ends its use at once.', 'about.tenant': 'The tenant’s name, its zone, which says what “today” is, and the settings of the vendors’ APIs.',
  'removal.quotas': 'The limit is gone at once. Usage is counted as before.', 'removal.nodes': 'The node’s name and aliases are removed. Usage recorded there stays and is still counted above it.', 'removal.meters': 'The meter no longer answers. Events stay in the ledger; a meter defined anew counts what comes from then on.', 'removal.users': 'The user can no longer sign in, and sessions end. Keys that speak for this user stop working.', 'removal.keys': 'Calls signed with this key are refused from now on.', 'removal.tokens': 'Calls with this token are refused from now on.', 'removal.tenant': '',
  'thing.tenant': 'Tenant', 'thing.node': 'Node', 'thing.meter': 'Meter', 'thing.quota': 'Quota', 'thing.user': 'User', 'thing.key': 'Key', 'thing.token': 'Token', 'thing.resource': 'Resource', 'thing.hold': 'Hold', 'thing.event': 'Event', 'thing.mapping': 'Mapping', 'thing.correction': 'Correction',
  'op.create': 'New', 'op.update': 'Change', 'op.delete': 'Remove', 'op.reserve': 'Reserve', 'op.settle': 'Settle', 'op.extend': 'Extend', 'op.release': 'Release', 'op.expire': 'Expire', 'op.void': 'Void', 'op.amend': 'Amend', 'op.move': 'Move', 'op.propose': 'Propose', 'op.approve': 'Approve', 'op.revert': 'Revert', 'op.restore': 'Bring back', 'op.discard': 'Discard', 'change.preview': 'Preview', 'change.would': 'The server would do this:', 'change.nothing': 'This changes nothing: everything is so already.', 'change.make': 'Make the change',
  'effect.over': 'It would be over its limit by {by}: growth is refused, shrinking is not.', 'effect.handed': '{node} then hands out {handed} of {limit}.', 'effect.overshared': '{node} then hands out {handed}, more than its {limit}.',
  'hint.limit': 'A whole number, or one with a unit: 500GiB, 90min, 1TB; or “unlimited”.', 'hint.enforce': 'Hard refuses what does not fit. Soft lets it pass and flags it. Shadow only reports.', 'hint.path': 'Such as /drive/dept/rd.', 'hint.carved': 'What is handed out below must fit this node’s own limits.', 'hint.aliases': 'One a line: huawei.project = 0123…', 'hint.unit': '1 for counts, B for bytes, s for seconds; or a word of your own.', 'hint.events': 'One a line: type, amount. The amount is a path such as data.tokens, or a number.', 'hint.groups': 'One a line: model = data.model', 'hint.subtree': 'Empty for the whole tenant.', 'hint.password': 'Empty keeps the one there is.', 'hint.disabled': 'Cannot sign in; keys that speak for this user stop working.', 'hint.keyuser': 'The user that the key speaks for.', 'hint.secret': 'Empty: a new key gets one made, shown once; an old one keeps its own.', 'hint.zone': 'Such as Asia/Shanghai.',
  'meter.events': 'Events', 'meter.groups': 'Groups', 'meter.builtin': 'Built in', 'key.kind': 'Kind', 'key.id': 'Key id', 'key.user': 'Speaks for', 'key.aksk': 'Access key', 'key.app': 'Application', 'key.zstack': 'ZStack',
  'secret.title': 'Secret of {name}', 'secret.text': 'It is shown this once. Copy it now; later it can only be replaced.', 'secret.kept': 'I have kept it',
  'agg.count': 'Count', 'agg.sum': 'Sum', 'agg.min': 'Least', 'agg.max': 'Most', 'agg.average': 'Average', 'agg.level': 'Level', 'agg.gauge': 'Gauge', 'agg.unique': 'Unique',

  // audit
  'audit.lead': 'Who changed what, newest first.', 'audit.type': 'What', 'audit.member': 'Member', 'audit.before': 'Before', 'audit.after': 'After', 'audit.none': 'Nothing was changed yet', 'audit.none.text': 'Every change of a definition, a resource or an event is kept here for good.',
  'verify': 'Verify the ledger', 'verify.busy': 'Folding the ledger…', 'verify.fine': 'Every number follows from the ledger: {entries} entries and {events} events folded again, {rows} rows compared, no difference.', 'verify.fault': 'A view differs from the ledger:',
  'holds': 'Open holds', 'holds.until': 'expires {when}',

  // void
  'void': 'Void this event', 'void.title': 'Void {id}', 'void.text': 'What it counted is taken back in every meter, on its own day. The event and the void both stay in the ledger. The same id cannot be sent again with other content.', 'void.reason': 'Reason', 'void.done': 'The event was voided.',

  // vendors' APIs
  'apis.lead': 'The five calls as this tenant’s own clients make them, and where each number comes from.', 'apis.call': 'Call', 'apis.answer': 'What it answers now', 'apis.same': 'The façade’s own values at this moment, as it would answer them. The call itself takes a client’s credentials, which the console does not have.', 'apis.field': 'Field', 'apis.value': 'Value', 'apis.from': 'Comes from',
  'apis.meeting': 'Enterprise resource usage', 'apis.koodrive': 'Service usage of the drive', 'apis.zstack': 'Quota usage of an organization', 'apis.rtc': 'Usage of an app by day', 'apis.metastudio': 'Count of resources',
  'apis.secrets': 'Put the secret into the variable named; the console never shows one that exists.', 'apis.token': 'A token of this tenant, from Definitions, works as the access token.', 'apis.missing': 'Before a client can make this call, a node or the tenant needs the alias: {aliases}.', 'apis.define': 'Define it', 'apis.nothing': 'Nothing to answer yet',
  'apis.nothing.meeting': 'No meeting was recorded.', 'apis.nothing.koodrive': 'Set quotas of drive.space at /drive, /drive/dept, /drive/personal and /drive/group.', 'apis.nothing.zstack': 'Set quotas at the node with the alias zstack.organization.', 'apis.nothing.rtc': 'No stream was received yesterday (UTC).', 'apis.nothing.metastudio': 'No resource expires within 7 days.',
  'apis.ask': 'Where {field} comes from', 'from.meter': 'Meter', 'from.quota': 'Quota', 'from.resources': 'Resources', 'from.setting': 'Setting', 'from.derived': 'Made of others', 'read.now': 'now', 'read.today': 'today', 'read.month': 'this month', 'read.lifetime': 'of all time', 'read.utc-days': 'the UTC days asked for', 'round.down': 'rounded down', 'round.up': 'rounded up', 'round.nearest': 'rounded to the nearest',
  'origin.overridden': 'Read from elsewhere here', 'origin.call': 'Call', 'origin.mapping': 'Read from', 'origin.default': 'By default', 'origin.rule': 'How', 'origin.native': 'What was read', 'origin.text': 'As it stands', 'origin.conversion': 'Made into it by', 'origin.window': 'Of the time', 'origin.bound': 'Bounded with', 'origin.of': 'Made of these fields:', 'origin.events': 'The newest events behind it', 'origin.events.all': 'All events behind it',

  // system
  'system.ready': 'Ready', 'system.started': 'started {ago}', 'system.events': 'Events', 'system.requests': 'Requests', 'system.lately': 'The last two minutes', 'system.disk': 'Store on disk', 'system.log': 'Log', 'system.memory': 'Memory', 'system.cache': 'Cache', 'system.hits': 'Cache hits', 'system.depth': 'Read depth', 'system.accepted': 'Events since the start', 'system.duplicates': 'Repeats',
  'system.routes': 'Calls', 'system.routes.note': 'Since the server started; times from histograms', 'system.surface': 'Surface', 'system.route': 'Route', 'system.count': 'Calls', 'system.errors': 'Errors',

  // meters
  'meter.meeting.conferences': 'Conferences', 'meter.meeting.duration': 'Meeting time', 'meter.meeting.attendances': 'Attendances', 'meter.meeting.active_users': 'Active users', 'meter.meeting.concurrent': 'In a meeting now', 'meter.meeting.live': 'Live streams now', 'meter.meeting.recording': 'Recordings kept',
  'meter.drive.space': 'Drive space', 'meter.drive.users': 'Drive users', 'meter.rtc.duration': 'RTC streams received',
  'meter.vm.num': 'Running VMs', 'meter.vm.totalNum': 'VMs', 'meter.vm.cpuNum': 'CPUs of VMs', 'meter.vm.memorySize': 'Memory of VMs', 'meter.volume.data.num': 'Data volumes', 'meter.volume.capacity': 'Volume capacity', 'meter.volume.backup.num': 'Backups', 'meter.volume.backup.size': 'Backup size', 'meter.image.num': 'Images', 'meter.image.size': 'Image size', 'meter.snapshot.volume.num': 'Volume snapshots',
  'meter.eip.num': 'Elastic IPs', 'meter.vip.num': 'Virtual IPs', 'meter.l3.num': 'L3 networks', 'meter.vxlan.num': 'VXLAN networks', 'meter.securityGroup.num': 'Security groups', 'meter.loadBalancer.num': 'Load balancers', 'meter.listener.num': 'Listeners', 'meter.portForwarding.num': 'Port forwardings', 'meter.gpu.num': 'GPUs', 'meter.pci.num': 'PCI devices', 'meter.affinitygroup.num': 'Affinity groups', 'meter.baremetal2.num': 'Bare-metal machines', 'meter.scheduler.num': 'Scheduled jobs', 'meter.scheduler.trigger.num': 'Schedules', 'meter.sns.endpoint.num': 'Alarm endpoints', 'meter.tag2.tag.num': 'Tags', 'meter.zwatch.alarm.num': 'Alarms', 'meter.zwatch.event.num': 'Event alarms',
}
