import type { Words } from './index.svelte'

// 简体中文
export const zh: Words = {
  actions: '操作', aliases: '别名', allocated: '已分配', 'allocated.below': '已向下分配', amount: '数量', aggregation: '聚合方式', back: '返回', cancel: '取消', carved: '划分制',
  chart: '图表', close: '关闭', code: '代码', copied: '已复制', copy: '复制', created: '创建时间', disabled: '停用', edit: '编辑', enforce: '执行方式', expires: '到期时间', 'expires.empty': '留空表示永不到期。',
  filters: '筛选', 'filter.clear': '清除筛选', find: '查找', from: '开始', to: '结束', language: '语言', limit: '上限', line: '第', loading: '加载中…', menu: '菜单', meter: '计量项', more: '再显示 {n} 条',
  name: '名称', never: '永不', node: '节点', 'node.path': '路径', 'node.root': '全部', nothing: '没有找到', now: '现在', then: '之后', others: '其他', password: '密码', quotas: '配额', refresh: '刷新',
  remove: '移除', renew: '续期', reserved: '已预留', retry: '重试', role: '角色', rows: '{n} 行', save: '保存', secret: '密钥', settings: '设置', skip: '跳到正文', starts: '开始时间', subject: '主体',
  subtree: '子树', tenant: '租户', tenants: '租户', theme: '主题', 'theme.light': '浅色', 'theme.dark': '深色', 'theme.system': '跟随系统', timezone: '时区', today: '今天', total: '合计', unit: '单位',
  unlimited: '不限', unreadable: '无法读取', used: '已用', view: '视图', 'view.bars': '条形', 'view.map': '矩形图', 'quotas.order': '排序', 'quotas.byplace': '按位置', 'quotas.fullest': '最满在前', 'quotas.below': '下级 {n} 项', window: '周期', yes: '是', 'yesterday.bynow': '昨天同一时刻', 'yesterday.then': '一天前',
  'month.before': '上个月', 'month.after': '下个月',

  nav: '控制台', 'nav.overview': '总览', 'nav.system': '系统', 'nav.tenant': '今日', 'nav.usage': '用量', 'nav.resources': '资源', 'nav.events': '事件', 'nav.definitions': '定义', 'nav.audit': '审计', 'nav.apis': '厂商接口',
  'role.operator': '运营者', 'role.admin': '管理员', 'role.member': '成员', 'role.viewer': '只读', 'role.ingester': '上报者',

  signin: '登录', signout: '退出登录', 'signin.way': '登录方式', 'signin.password': '用户名和密码', 'signin.token': '令牌', 'signin.login': '用户名', 'signin.bearer': '访问令牌',
  'signin.bearer.hint': '运营者令牌保存在服务器数据目录的 operator.token 文件中。', 'signin.busy': '正在登录…', 'signin.bad': '用户名或密码错误。若多个租户有同名用户，请写成 用户名@租户。',
  'signin.badtoken': '令牌不存在或已过期。', 'signin.locked': '失败次数过多，请在 {n} 秒后重试。',
  'signin.ended': '会话已结束。登录后将回到刚才的页面。', 'signin.help': '没有账号？请联系服务器管理者，或查看', 'signin.reference': '接口文档',
  'ingester.title': '此令牌只能上报用量', 'ingester.text': '它可以发送事件、扣费和预留，但不能读取。请用其他令牌或用户登录查看。',

  'page.missing': '没有这个页面', 'page.missing.text': '地址可能有误，或您的角色无权访问。', 'page.home': '回到首页', 'page.failed': '页面加载失败', 'page.failed.text': '服务器可能刚刚更新，请重新加载页面。',
  'tenant.missing': '没有这个租户', 'tenant.missing.text': '租户 {id} 不存在，或您无权查看。', 'tenant.find': '查找租户', 'tenant.choose': '选择租户',
  'problem.offline': '服务器没有响应', 'problem.internal': '服务器内部错误', 'problem.invalid': '请求有误。', 'problem.not-found': '未找到。', 'problem.conflict': '与已保存的内容冲突。', 'problem.quota-exceeded': '配额空间不足。',
  'problem.unauthorized': '尚未登录。', 'problem.forbidden': '您的角色不允许此操作。', 'problem.too-large': '内容过大。', 'problem.unavailable': '服务器繁忙。', 'problem.locked': '暂时锁定。',
  'remedy.offline': '请确认服务器正在运行且可以访问，然后重试。', 'remedy.internal': '请重试。若问题依旧，请在日志中查找此请求：', 'remedy.invalid': '请更正指出的内容后重试。', 'remedy.not-found': '它可能刚刚被移除。',
  'remedy.conflict': '请先查看当前内容，再作决定。', 'remedy.quota-exceeded': '请提高上限、释放用量或减少请求。', 'remedy.unauthorized': '请重新登录。', 'remedy.forbidden': '请联系租户管理员。', 'remedy.too-large': '请减少单次请求的内容。', 'remedy.unavailable': '请稍候重试。', 'remedy.locked': '请稍候重试。',
  'chart.failed': '图表加载失败；下方表格中有全部数字。',

  'overview.lead': '全部租户，最接近上限的在前。', 'overview.tightest': '最紧的配额', 'overview.today': '今日', 'overview.expires': '最近到期', 'overview.over': '超出上限', 'overview.near': '已达 80% 及以上', 'overview.expiring': '7 天内到期的资源',
  'overview.overn': '{n} 项超限', 'overview.inweek': '7 天内 {n} 项', 'overview.looked': '仅前 {n} / {all} 项配额', 'overview.noquota': '无配额', 'overview.meter': '今日的', 'overview.reading': '已读取 {n} / {all}', 'overview.nomatch': '没有匹配的行，请更改或清除筛选。',
  'overview.none': '还没有租户', 'overview.none.text': '请在文件中描述第一个租户并执行 apply，或通过接口创建。',

  'tenant.today': '今日至此', 'tenant.today.note': '与昨天同一时刻相比；曲线为最近 14 天', 'tenant.fortnight': '最近 14 天', 'tenant.over': '{n} 项配额超出上限',
  'tenant.expiring': '即将到期', 'tenant.calendar': '日历', 'tenant.expiring.more': '30 天内还有 {n} 项', 'tenant.expiring.none': '近期没有到期', 'tenant.expiring.none.text': '未来 30 天内没有资源到期。',
  'first.title': '还没有用量', 'first.text': '发送第一个事件，它就会出现在这里。任何可以上报用量的令牌都行。',
  'quotas.none': '还没有配额', 'quotas.none.text': '配额限制某节点及其下级的一个计量项。设置之后，这里会显示它的使用情况。', 'quotas.set': '设置配额',
  'treemap.label': '{meter}（按节点）', 'treemap.walk': '打开', 'treemap.kept': '未分配', 'treemap.area': '面积：上限；填充：已用。', 'treemap.none': '这里没有该计量项的配额', 'treemap.none.text': '请选择其他计量项，或返回上级。',
  'window.lifetime': '长期', 'window.day': '每日', 'window.month': '每月', 'enforce.hard': '硬性', 'enforce.soft': '软性', 'enforce.shadow': '仅观察',

  'usage.ask': '查询', 'usage.period': '时段', 'usage.by': '粒度', 'usage.group': '分组', 'usage.group.none': '不分组', 'usage.draw': '图形', 'usage.bars': '柱形', 'usage.lines': '折线', 'usage.compare': '与上一时段比较', 'usage.before': '上一时段',
  'usage.link': '复制链接', 'usage.last': '最新', 'usage.peak': '峰值', 'usage.average.HOUR': '每小时平均', 'usage.average.DAY': '每日平均', 'usage.average.MONTH': '每月平均', 'usage.table': '数据明细', 'usage.exactly': '精确值', 'usage.share': '占比', 'usage.nogroup': '（无）', 'usage.unzoom': '完整时段',
  'usage.none': '该时段没有用量', 'usage.none.text': '请选择更长的时段、其他计量项，或清除筛选。', 'by.HOUR': '小时', 'by.DAY': '日', 'by.MONTH': '月',
  'period.today': '今天', 'period.yesterday': '昨天', 'period.7d': '最近 7 天', 'period.30d': '最近 30 天', 'period.90d': '最近 90 天', 'period.month': '本月', 'period.lastmonth': '上月', 'period.12m': '最近 12 个月', 'period.custom': '其他日期…',

  'resources.lead': '购买或分配的资源及其到期时间。', 'resources.calendar': '日历', 'resources.list': '列表', 'resources.new': '新建资源', 'resources.edit': '资源 {id}', 'resources.type': '业务类型', 'resources.mode': '计费模式', 'resources.source': '来源', 'resources.order': '订单', 'resources.kind': '资源类型', 'resources.frozen': '已冻结',
  'resources.expire': '{n} 项到期', 'resources.inmonth': '本月到期', 'resources.wholemonth': '整月', 'resources.count': '{n} 项资源', 'resources.first': '仅显示 {all} 项中的前 {n} 项，请缩小筛选范围', 'resources.many': '数量过多', 'resources.many.text': '请选择某一天。', 'resources.nothing': '没有到期', 'resources.nothing.text': '该时段没有符合筛选的资源到期。', 'resources.nomatch': '没有匹配的资源。',
  'resources.none': '还没有资源', 'resources.none.text': '登记购买或分配的套餐、通道、时长，日历就会显示何时到期。', 'resources.removal': '该资源将从所有列表和计数中移除，账本保留其历史。',
  'mode.PERIODIC': '包周期', 'mode.ONE_TIME': '一次性', 'mode.ON_DEMAND': '按需', 'source.PURCHASED': '购买', 'source.SP_ALLOCATED': 'SP 分配', 'source.ADMIN_ALLOCATED': '管理员分配',
  'renew.title': '续期 {id}', 'renew.until': '新的到期日', 'renew.months': '{n} 个月', 'renew.days': '{n} 天',

  'events.counted': '已计入', refused: '已拒绝', 'refused.lead': '未被接收的事件，以及发送方得到的说明；最新的在前。', 'refused.last': '最近一次', 'refused.why': '原因', 'refused.times': '{n} 次', 'refused.unread': '无法读取', 'refused.more': '另有 {n} 个事件',
  'refused.total': '共 {n} 个事件', 'refused.since': '自 {at} 起记录', 'refused.none': '没有被拒绝的事件', 'refused.none.text': '服务器自 {at} 起记录：此后凡可读取且发送方有权记录的事件，均已接收。',
  'events.lead': '所有已计入的事件，最新的在前。', 'events.more': '已显示 {n} 条，向下滚动查看更早的', 'events.all': '共 {n} 条事件', 'events.older': '更早的', 'events.nomatch': '没有匹配的事件，请更改或清除筛选。',
  'event.time': '时间', 'event.type': '类型', 'event.source': '来源', 'event.data': '数据', 'event.sequence': '账本序号', 'event.recorded': '记录时间', 'event.actor': '提交者', 'event.counted': '计入', 'event.counted.note': '按当前的计量项定义。', 'event.counted.none': '没有计量项统计此类事件。', 'event.voided': '已作废', 'event.amended': '已更正',

  'kind.quotas': '配额', 'kind.nodes': '节点', 'kind.meters': '计量项', 'kind.users': '用户', 'kind.keys': '签名密钥', 'kind.tokens': '令牌', 'kind.tenant': '租户',
  'new.quotas': '新建配额', 'new.nodes': '新建节点', 'new.meters': '新建计量项', 'new.users': '新建用户', 'new.keys': '新建密钥', 'new.tokens': '新建令牌', 'new.tenant': '租户', 'edit.title': '编辑 {name}',
  'none.quotas': '还没有配额', 'none.nodes': '还没有节点', 'none.meters': '还没有计量项', 'none.users': '还没有用户', 'none.keys': '还没有签名密钥', 'none.tokens': '还没有令牌', 'none.tenant': '没有租户',
  'about.quotas': '配额限制某节点及其下级的一个计量项：可以长期有效，也可以按租户时区的每日或每月计算。', 'about.nodes': '部门、项目、空间和应用：用量的归属之处。别名是各厂商接口所认识的标识。', 'about.meters': '计量项规定统计哪些事件、如何累加、用什么单位。',
  'about.users': '用用户名和密码登录的人或程序，适用于此处及各厂商接口。', 'about.keys': '为厂商接口调用签名的密钥：访问密钥、应用密钥、ZStack 密钥，每个代表一个用户。', 'about.tokens': '原生接口的访问令牌。移除后立即失效。', 'about.tenant': '租户的名称、决定“今天”的时区，以及各厂商接口的设置。',
  'removal.quotas': '上限立即取消，用量照常统计。', 'removal.nodes': '节点的名称和别名将被移除。若其上或其下有配额、资源、用户或用量，则会被拒绝。', 'removal.meters': '该计量项不再可查。事件保留在账本中；重新定义后只统计此后的事件。', 'removal.users': '该用户不能再登录，会话随之结束，代表该用户的密钥失效。', 'removal.keys': '此后用该密钥签名的调用将被拒绝。', 'removal.tokens': '此后使用该令牌的调用将被拒绝。', 'removal.tenant': '',
  'thing.tenant': '租户', 'thing.node': '节点', 'thing.meter': '计量项', 'thing.quota': '配额', 'thing.user': '用户', 'thing.key': '密钥', 'thing.token': '令牌', 'thing.resource': '资源', 'thing.hold': '预留', 'thing.event': '事件', 'thing.mapping': '映射', 'thing.usage': '用量', 'thing.correction': '范围更正',
  'op.create': '新增', 'op.update': '更改', 'op.delete': '移除', 'op.reserve': '预留', 'op.settle': '结算', 'op.extend': '延长', 'op.release': '释放', 'op.expire': '到期', 'op.void': '作废', 'op.amend': '更正', 'op.move': '移动', 'op.propose': '提议', 'op.approve': '批准', 'op.revert': '撤回', 'op.restore': '恢复', 'op.discard': '放弃', 'change.preview': '预览', 'change.would': '服务器将执行：', 'change.nothing': '没有任何变化：内容已经如此。', 'change.make': '确认更改',
  'effect.over': '将超出上限 {by}：拒绝增长，但允许减少。', 'effect.handed': '{node} 将向下分配 {handed}，其上限为 {limit}。', 'effect.overshared': '{node} 将向下分配 {handed}，超过其上限 {limit}。',
  'hint.limit': '整数，或带单位：500GiB、90min、1TB；也可写 unlimited。', 'hint.enforce': '硬性：拒绝超出的请求；软性：放行并标记；仅观察：只报告。', 'hint.path': '例如 /drive/dept/rd。', 'hint.carved': '向下分配的上限之和不得超过本节点。', 'hint.aliases': '每行一个：huawei.project = 0123…', 'hint.unit': '计数用 1，字节用 B，秒用 s；也可自定。', 'hint.events': '每行一个：类型, 数量。数量可以是 data.tokens 这样的路径，也可以是数字。', 'hint.groups': '每行一个：model = data.model', 'hint.subtree': '留空表示整个租户。', 'hint.password': '留空则保留原密码。', 'hint.disabled': '不能登录；代表该用户的密钥失效。', 'hint.keyuser': '该密钥所代表的用户。', 'hint.secret': '留空：新密钥会自动生成并只显示一次；已有密钥保持不变。', 'hint.zone': '例如 Asia/Shanghai。',
  'meter.events': '事件', 'meter.groups': '分组键', 'meter.builtin': '内置', 'key.kind': '种类', 'key.id': '密钥 ID', 'key.user': '代表用户', 'key.aksk': '访问密钥', 'key.app': '应用', 'key.zstack': 'ZStack',
  'secret.title': '{name} 的密钥', 'secret.text': '仅显示这一次。请立即复制；以后只能更换。', 'secret.kept': '我已保存',
  'agg.count': '次数', 'agg.sum': '求和', 'agg.min': '最小', 'agg.max': '最大', 'agg.average': '平均', 'agg.level': '存量', 'agg.gauge': '测量值', 'agg.unique': '去重数',

  'audit.lead': '谁更改了什么，最新的在前。', 'audit.type': '对象', 'audit.member': '字段', 'audit.before': '之前', 'audit.after': '之后', 'audit.none': '还没有任何更改', 'audit.none.text': '定义、资源和事件的每次更改都会永久保存在这里。',
  'verify': '校验账本', 'verify.busy': '正在重算账本…', 'verify.fine': '所有数字均与账本一致：重算 {entries} 条记录、{events} 个事件，比对 {rows} 行，没有差异。', 'verify.fault': '某个视图与账本不一致：',
  'holds': '未结预留', 'holds.until': '{when}到期',

  grants: '授予', 'hint.grants': '每行一个：计量项, 数量；若不是资源所在节点，可再写其下级节点。从生效到到期，加在该处的配额上。', guarantee: '保证量', 'hint.guarantee': '从最近的上级配额中为它保留的数量。留空表示没有。', 'token.enforce': '强制', 'hint.tokenenforce': '用它发送的事件与计费请求一样受配额约束：全部记录，或在硬性配额不足时全部不记录。', 'limit.grants': '{base} + {n} 项授予：{sum}', 'limit.guarantee': '保证 {amount}', 'limit.over': '超出 {amount}', 'grants.on': '另有 {n} 项授予', 'grants.until': '至 {when}', forecast: '将超出上限的配额', 'forecast.at': '{when}，按当前用量', 'forecast.limit': '{now} → {then}', 'forecast.short': '超出 {by}', 'forecast.lapses': '届时已到期：', 'forecast.none': '没有：当前用量在届时的上限之内。',

  'fault.depends': '以下内容依赖于它，请先移除或移动：', 'fault.more': '另有 {n} 项', 'fault.short': '缺少 {by}', move: '移动', 'move.title': '移动 {node}', 'move.to': '新路径', 'move.hint': '目标位置，该处不能已有内容。', 'move.takes': '连同其下全部内容一起移动：', 'move.text': '绑定在此的用户与令牌、未结预留和全部历史用量一并移动。离开的上级扣除这些用量，新位置的上级计入；那里的硬性配额不足时拒绝移动。之后发送到旧路径的用量，是该路径的新用量。', 'move.done': '现在位于 {to}。', 'move.flagged': '因此超出的配额：', 'move.blocked': '拒绝移动的配额：', 'move.free': '没有什么阻碍这次移动。', 'move.check': '检查', amend: '更正此事件', 'amend.text': '原先计入的数量会扣回，并按更正后的内容在其所属日期重新计入。两个版本都保留在账本中。', 'amend.done': '事件已更正。', 'amend.json': '这不是 JSON 对象。', 'range.open': '作废一批…', 'range.title': '作废一批事件', 'range.text': '批准之前不会作废任何事件。请填写来源、类型或主体，或同时填写起止日期。', 'range.events': '{n} 条事件', 'range.leftout': '（此前已作废 {voided} 条、已更正 {amended} 条，保持不变）', 'range.progress': '已完成 {done} 条，跳过 {passed} 条', 'range.changes': '变化', 'range.omitted': '行数超过保存上限。', 'range.earlier': '以往的更正', 'range.approve': '作废', 'range.discard': '放弃', 'range.revert': '恢复', 'range.proposed': '待批准', 'range.applying': '正在作废', 'range.applied': '已作废', 'range.reverting': '正在恢复', 'range.reverted': '已恢复', known: '截至此刻所知', restated: '已修订', 'restated.at': '结束后于 {when} 更正', 'restated.note': '{n} 个时段在结束后被更正。',

  'void': '作废此事件', 'void.title': '作废 {id}', 'void.text': '它在各计量项中、于其所属日期计入的数量都会扣回。事件与作废记录都保留在账本中。同一标识不能再以其他内容发送。', 'void.reason': '原因', 'void.done': '事件已作废。',

  'apis.lead': '本租户的客户端实际发出的五个调用，以及每个数字的来源。', 'apis.call': '调用', 'apis.answer': '当前应答', 'apis.live': '接口按您的权限给出的实时应答。不占用厂商的调用限额，也不写入任何数据。带下划线的值可查看来源。', 'apis.operation': '操作', 'apis.send': '发送', 'apis.took': '{ms} 毫秒', 'apis.fields': '字段', 'apis.headers': '响应头', 'apis.more': '另有 {n} 行', 'apis.admins': '该厂商只应答管理员。管理员会看到的值在“字段”中。', 'apis.field': '字段', 'apis.value': '值', 'apis.from': '来源',
  'apis.meeting': '企业资源使用情况', 'apis.koodrive': '云盘服务用量', 'apis.zstack': '组织配额用量', 'apis.rtc': '应用每日用量', 'apis.metastudio': '资源数量统计',
  'apis.secrets': '请将密钥放入所示变量；控制台从不显示已有的密钥。', 'apis.token': '“定义”中本租户的令牌可用作访问令牌。', 'apis.missing': '客户端调用之前，需要为节点或租户设置别名：{aliases}。', 'apis.define': '去设置', 'apis.nothing': '暂无可应答的内容',
  'apis.nothing.meeting': '还没有会议记录。', 'apis.nothing.koodrive': '请在 /drive、/drive/dept、/drive/personal 和 /drive/group 设置 drive.space 配额。', 'apis.nothing.zstack': '请在带有 zstack.organization 别名的节点设置配额。', 'apis.nothing.rtc': '昨天（UTC）没有收到流。', 'apis.nothing.metastudio': '7 天内没有资源到期。',
  'apis.ask': '{field} 的来源', 'from.meter': '计量项', 'from.quota': '配额', 'from.resources': '资源', 'from.setting': '设置', 'from.derived': '由其他字段得出', 'read.now': '当前', 'read.today': '今日', 'read.month': '本月', 'read.lifetime': '全部时间', 'read.utc-days': '所请求的 UTC 日期', 'round.down': '向下取整', 'round.up': '向上取整', 'round.nearest': '四舍五入',
  'origin.overridden': '本租户另有来源', 'origin.call': '调用', 'origin.mapping': '读取自', 'origin.default': '默认', 'origin.rule': '方式', 'origin.native': '读到的数值', 'origin.text': '原文', 'origin.conversion': '换算', 'origin.window': '时间范围', 'origin.bound': '共同受限', 'origin.of': '由以下字段得出：', 'origin.events': '背后的最新事件', 'origin.events.all': '背后的全部事件',

  'system.ready': '就绪', 'system.started': '{ago}启动', 'system.events': '事件', 'system.requests': '请求', 'system.lately': '最近两分钟', 'system.disk': '磁盘占用', 'system.log': '日志', 'system.memory': '内存', 'system.cache': '缓存', 'system.hits': '缓存命中率', 'system.depth': '读取深度', 'system.accepted': '启动以来的事件', 'system.duplicates': '重复',
  'system.routes': '调用', 'system.routes.note': '自服务器启动以来；时间由直方图估算', 'system.surface': '接口面', 'system.route': '路由', 'system.count': '次数', 'system.errors': '错误',

  'meter.meeting.conferences': '会议场次', 'meter.meeting.duration': '会议时长', 'meter.meeting.attendances': '参会人次', 'meter.meeting.active_users': '活跃用户', 'meter.meeting.concurrent': '当前在会人数', 'meter.meeting.live': '当前直播数', 'meter.meeting.recording': '录制存储',
  'meter.drive.space': '云盘空间', 'meter.drive.users': '云盘用户', 'meter.rtc.duration': 'RTC 接收时长',
  'meter.vm.num': '运行中的云主机', 'meter.vm.totalNum': '云主机总数', 'meter.vm.cpuNum': '云主机 CPU', 'meter.vm.memorySize': '云主机内存', 'meter.volume.data.num': '数据云盘', 'meter.volume.capacity': '云盘容量', 'meter.volume.backup.num': '备份数', 'meter.volume.backup.size': '备份容量', 'meter.image.num': '镜像数', 'meter.image.size': '镜像容量', 'meter.snapshot.volume.num': '云盘快照',
  'meter.eip.num': '弹性 IP', 'meter.vip.num': '虚拟 IP', 'meter.l3.num': '三层网络', 'meter.vxlan.num': 'VXLAN 网络', 'meter.securityGroup.num': '安全组', 'meter.loadBalancer.num': '负载均衡器', 'meter.listener.num': '监听器', 'meter.portForwarding.num': '端口转发', 'meter.gpu.num': 'GPU', 'meter.pci.num': 'PCI 设备', 'meter.affinitygroup.num': '亲和组', 'meter.baremetal2.num': '裸金属', 'meter.scheduler.num': '定时任务', 'meter.scheduler.trigger.num': '定时器', 'meter.sns.endpoint.num': '报警接收端', 'meter.tag2.tag.num': '标签', 'meter.zwatch.alarm.num': '资源报警器', 'meter.zwatch.event.num': '事件报警器',
}
