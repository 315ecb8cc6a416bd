"""A FreeRADIUS that decides nothing of what ours decides: what the protocol and the usual queries cost alone."""

from __future__ import annotations

from pathlib import Path

from ispctl.lab import process
from ispctl.lab.freeradius import program
from ispctl.radius.server import ServerSettings

_CONF = """\
prefix = "/usr"
libdir = "{libdir}"
confdir = "{confdir}"
raddbdir = ${{confdir}}
run_dir = "{run_dir}"
logdir = ${{run_dir}}
log {{
	destination = files
	file = ${{logdir}}/minimal.log
}}
max_requests = 65536
security {{
	reject_delay = 0
	status_server = yes
}}
proxy_requests = no
thread pool {{
	start_servers = {threads}
	max_servers = {threads}
	min_spare_servers = 1
	max_spare_servers = {threads}
	max_requests_per_server = 0
}}
client here {{
	ipaddr = 127.0.0.1
	secret = {secret}
	nas_type = routeros
}}
modules {{
	expr {{
	}}
	pap {{
	}}
	chap {{
	}}
	mschap {{
	}}
	sql {{
		driver = "rlm_sql_{dialect}"
		{connection}
		pool {{
			start = {connections}
			min = 0
			max = {connections}
			spare = {connections}
			uses = 0
			lifetime = 0
			idle_timeout = 0
		}}
		read_clients = no
		group_attribute = "SQL-Group"
		sql_user_name = "%{{User-Name}}"
		authorize_check_query = "SELECT id, username, attribute, value, op FROM radcheck \
WHERE username = '%{{SQL-User-Name}}' ORDER BY id"
		authorize_reply_query = "SELECT id, username, attribute, value, op FROM radreply \
WHERE username = '%{{SQL-User-Name}}' ORDER BY id"
		group_membership_query = "SELECT groupname || '@routeros' FROM radusergroup \
WHERE username = '%{{SQL-User-Name}}' ORDER BY priority"
		authorize_group_check_query = "SELECT id, groupname, attribute, value, op FROM radgroupcheck \
WHERE groupname = '%{{SQL-Group}}' ORDER BY id"
		authorize_group_reply_query = "SELECT id, groupname, attribute, value, op FROM radgroupreply \
WHERE groupname = '%{{SQL-Group}}' ORDER BY id"
		simul_count_query = "SELECT count(*) FROM radacct \
WHERE username = '%{{SQL-User-Name}}' AND acctstoptime IS NULL"
		post-auth {{
			query = "INSERT INTO radpostauth (username, pass, reply, authdate) \
VALUES ('%{{SQL-User-Name}}', '', '%{{reply:Packet-Type}}', {now})"
		}}
	}}
}}
instantiate {{
	expr
}}
server isp {{
	listen {{
		type = auth
		ipaddr = 127.0.0.1
		port = {port}
	}}
	authorize {{
		chap
		mschap
		sql
		update control {{
			&Simultaneous-Use := 1
		}}
		pap
	}}
	authenticate {{
		pap
		chap
		mschap
	}}
	session {{
		sql
	}}
	post-auth {{
		sql
	}}
}}
"""


_CONNECTIONS = {
    "sqlite": (
        'sqlite {{\n\t\t\tfilename = "{0}"\n\t\t\tbusy_timeout = 2000\n\t\t}}\n'
        '\t\topen_query = "PRAGMA synchronous=NORMAL"',
        "%l",
    ),
    "postgresql": ('radius_db = "{0}"\n\t\tpassword = "{1}"', "now()"),
}
"""How each is opened, and what it calls this moment."""


def launch(settings: ServerSettings, confdir: Path, secret: str, port: int) -> process.Process:
    """Start it on the database of `settings`; it is ready when this returns."""
    confdir.mkdir()
    fields = {"libdir": settings.libdir, "confdir": confdir, "run_dir": settings.run_dir, "dialect": settings.dialect}
    connection, now = _CONNECTIONS[settings.dialect]
    fields |= {"connection": connection.format(settings.database, settings.database_password), "now": now}
    fields |= {"threads": settings.threads, "connections": settings.connections, "secret": secret, "port": port}
    (confdir / "minimal.conf").write_text(_CONF.format(**fields), "utf-8")
    local = "\n".join(
        f"ATTRIBUTE ISP-{name} {number} string" for name, number in (("Profile", 3005), ("Rendering", 3007))
    )
    (confdir / "dictionary").write_text(local + "\n", "utf-8")
    log = Path(settings.run_dir) / "minimal.log"
    started = process.start([program(), "-d", str(confdir), "-n", "minimal", "-f"], log)
    if not process.wait_for(lambda: log.exists() and "Ready to process" in log.read_text("utf-8"), 10):
        started.stop()
        raise RuntimeError(f"the minimal server did not start: see {log}")
    return started
