"""What Fail2Ban's client is asked to say to a server, in this order: later commands see what earlier ones did.

Every command that its help names is here, and what each does with wrong arguments. Left out is what differs on
purpose (docs/differences.md), and what takes a server down.
"""

from __future__ import annotations

SERVER = r"""
ping
ping 5
ping x
ping 5 6
version
version x
echo a b c
echo
status
status web
status web short
status web cymru
status web bogus
status nosuch
status web basic x
status -v
server-status
server-status x
sleep 0.01
sleep
sleep x
config-error "some text"
config-error
nosuch
ban
multi-set
multi-set web
get loglevel
set loglevel debug
set loglevel BIRD
set loglevel 9
set loglevel INFO
set loglevel
get logtarget
set logtarget /nonexistent/x
set logtarget
get syslogsocket
set syslogsocket /dev/null
set syslogsocket auto
get dbfile
set dbfile None
set dbfile {folder}/other.db
get dbmaxmatches
set dbmaxmatches 5
set dbmaxmatches duck
get dbpurgeage
set dbpurgeage 2d
set dbpurgeage duck
set allowipv6 no
set allowipv6 auto
get allowipv6
get thread
set thread x
get nosuch
get nosuch x
get
set
flushlogs
flushlogs x
"""

JAIL = r"""
set web idle on
status web
set web idle off
set web idle maybe
set web idle
get web idle
set web ignoreself no
get web ignoreself
set web ignoreself maybe
set web ignoreself on
get web ignoreip
set web addignoreip 192.0.2.7
set web addignoreip 192.0.2.7 10.0.0.0/8 example.invalid 2001:db8::/32
set web addignoreip 127.0.0.1/8
set web addignoreip ""
set web addignoreip 10.1.2.3/255.0.0.0
get web ignoreip
set web delignoreip 10.0.0.0/8
set web delignoreip 10.0.0.0/8
set web delignoreip 192.0.2.7
set web delignoreip example.invalid
set web delignoreip 192.0.2.0/24 2001:db8::/32
set web delignoreip 2001:db8::/32 127.0.0.0/8
set web addignoreip
set web delignoreip
get web ignorecommand
set web ignorecommand true
set web ignorecommand "/bin/false <ip>"
get web ignorecommand
set web ignorecommand ""
get web ignorecache
set web ignorecache key="<ip>",max-count=10,max-time=1m
set web ignorecache 'key="<ip>", max-count=10, max-time=1m'
set web ignorecache max-count=10
set web ignorecache garbage
get web ignorecache
set web ignorecache ""
get web logpath
set web addlogpath {folder}/other.log
set web addlogpath {folder}/other.log tail
set web addlogpath {folder}/other.log side
set web addlogpath {folder}/other.log head x
set web addlogpath {folder}/missing.log
set web addlogpath {folder}/*.log
set web addlogpath
status web
set web dellogpath {folder}/other.log
set web dellogpath {folder}/other.log
set web dellogpath {folder}/missing.log
set web dellogpath
get web logencoding
set web logencoding utf-8
set web logencoding latin1
set web logencoding duck
set web logencoding auto
get web journalmatch
set web addjournalmatch _SYSTEMD_UNIT=x.service
set web deljournalmatch _SYSTEMD_UNIT=x.service
set web journalmatch x
get web prefregex
set web prefregex "^\s*<F-CONTENT>.+</F-CONTENT>$"
set web prefregex "(("
get web prefregex
set web prefregex ""
get web failregex
set web addfailregex "^evil <HOST>$"
set web addfailregex "^no group$"
set web addfailregex "^((<ADDR>$"
set web addfailregex
set web delfailregex 1
set web delfailregex 7
set web delfailregex -1
set web delfailregex duck
set web delfailregex 0
set web addfailregex "^nothing from <HOST>$"
get web ignoreregex
set web addignoreregex "^x$"
set web addignoreregex "^y <IP4>$"
set web addignoreregex "(("
set web delignoreregex 0
set web delignoreregex 5
set web delignoreregex 0
get web datepattern
set web datepattern "%Y-%m-%d %H:%M:%S"
get web datepattern
set web datepattern "{{^LN-BEG}}"
set web datepattern EPOCH
set web datepattern ^EPOCH
set web datepattern TAI64N
set web datepattern {{NONE}}
set web datepattern {{DEFAULT}}
set web datepattern %b
set web datepattern ""
set web datepattern
get web logtimezone
set web logtimezone UTC+0400
set web logtimezone bogus
get web logtimezone
set web logtimezone ""
set web usedns yes
set web usedns YES
set web usedns warn
set web usedns duck
set web usedns raw
set web usedns
set web usedns no
set web findtime 5m
set web findtime 1.5
set web findtime duck
set web findtime 600
get web findtime
set web bantime 1d12h
set web bantime duck
set web bantime 1.5
set web bantime
set web bantime 600
set web maxretry 3
set web maxretry duck
set web maxretry 5
set web maxmatches 7
get web maxmatches
set web maxmatches duck
set web maxlines 3
set web maxlines 0
set web maxlines duck
get web maxlines
set web maxlines 1
get web bantime.increment
set web bantime.increment true
get web bantime.increment
set web bantime.increment maybe
get web bantime.increment
set web bantime.factor 2
get web bantime.factor
set web bantime.factor 1/2
set web bantime.formula "ban.Time * 2"
get web bantime.formula
set web bantime.multipliers "1 2 4"
get web bantime.multipliers
set web bantime.multipliers "1 x"
set web bantime.maxtime 1w
get web bantime.maxtime
set web bantime.maxtime duck
set web bantime.rndtime 10m
get web bantime.rndtime
set web bantime.rndtime 0
set web bantime.rndtime ""
set web bantime.overalljails true
get web bantime.overalljails
set web bantime.overalljails no
set web bantime.nosuch 1
get web bantime.nosuch
set web bantime.increment ""
set web bantime.factor ""
set web bantime.formula ""
set web bantime.multipliers ""
set web bantime.maxtime ""
get web nosuch
get web
get nosuch bantime
set web
set web nosuch
set nosuch banip 192.0.2.1
"""

BANS = r"""
set web banip 192.0.2.1
set web banip 192.0.2.5 2001:DB8:0::1 Badger
set web banip 192.0.2.1 10.1.0.0/16 10.2.0.1/32 ::ffff:192.0.2.77
set web banip
set sshtest banip 192.0.2.1
set sshtest banip 192.0.2.40
status web
status web short
banned
banned 192.0.2.1 198.51.100.1
banned 10.1.0.0/16
get web banned
get web banned 192.0.2.1
get web banned 192.0.2.1 198.51.100.1
get sshtest banip
get sshtest banip ,
get sshtest bantime
set sshtest bantime 10m
set sshtest bantime -1
get sshtest banip --with-time
set web unbanip 198.51.100.1
set web unbanip 10.1.0.0/16
set web unbanip --report-absent 198.51.100.1 192.0.2.5 198.51.100.2
set web unbanip name.invalid
set web unbanip
set web unbanip --report-absent
unban
unban 192.0.2.1
unban 192.0.2.1
unban --all
unban --all
status web
set web attempt 192.0.2.60
set web attempt 192.0.2.60 "line one" "line two"
status web
set web attempt
set web attempt Badger
status web
"""

ACTIONS = r"""
get web actions
get sshtest actions
set web addaction dummy
set web addaction second
get web actions
get web actionproperties second
get web actionmethods second
get web actionproperties dummy
get web actionproperties nosuch
get web actionmethods nosuch
get web actionproperties
get web action second actionban
set web action second actionban "true <ip>"
get web action second actionban
get web action dummy actionban
get web action dummy port
set web action second timeout 5
get web action second timeout
set web action second timeout duck
set web action second nosuch x
get web action second nosuch
get web action second nosuch2
get web action nosuch actionban
set web action nosuch actionban x
get web action second
get web action
set web action second
set web action second actionban
set web action second ban '{{}}'
set web action second flush
set web action second flush '{{}}'
set web action second stop
set web action second invalidateBanEpoch
set web action second escapeTag
set web action second start '{{"x":1}}'
set web action second start garbage
get web action second name
get web action dummy name
get web action dummy actname
set web action dummy nme x y z
get web action second actionstart
get web action second actionstart_on_demand
set web delaction second
set web delaction second
set web delaction
set web addaction
get web actions
multi-set web addfailregex a b
"""

LIFE = r"""
add new
add other foo
add --all
add
status
get new actions
get new failregex
get new datepattern
get new logpath
get new maxretry
get new findtime
get new bantime
get new maxmatches
get new ignoreip
get new ignorecommand
get new usedns
get new logencoding
status new
set new addlogpath {folder}/other.log
set new addfailregex "^bad <HOST>"
set new addaction one
start new
start new
status new
set new banip 192.0.2.9
get new banned
stop new
stop new
status new
start new
start nosuch
add third polling
set third idle on
start third
stop third
start
reload a b
reload nosuch
reload --if-exists nosuch
reload --if-exists off
reload off
restart --if-exists off
set web banip 192.0.2.200
reload web
get web banned
restart web
reload --restart --unban web
get web banned
set web banip 192.0.2.201
reload
get web banned
reload --unban
get web banned
stop --all x
status
reload web
reload
status
stop nosuch
"""

SESSION = [line for part in (SERVER, JAIL, BANS, ACTIONS, LIFE) for line in part.strip().splitlines()]
