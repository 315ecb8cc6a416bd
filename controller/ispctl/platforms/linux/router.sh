# What ispctl does on a plain Linux router. It is read by `sh -s`, never kept but beside what it may have to undo.
# All that differs is an argument or a file: no text of a subscriber is ever part of a command.
# Before it stands `beside`: what a daemon says that is configured with the rest, and how its file is put in place.
set -u
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
table="inet isp"

kea() { # kea SOCKET FILE: the answer to a command
    if command -v socat >/dev/null; then
        socat -t 30 - "UNIX-CONNECT:$1" <"$2"
    else
        python3 -c '
import socket, sys
kea = socket.socket(socket.AF_UNIX)
kea.settimeout(30)
kea.connect(sys.argv[1])
kea.sendall(open(sys.argv[2], "rb").read())
while said := kea.recv(65536):
    sys.stdout.buffer.write(said)
' "$1" "$2"
    fi
}

told() { # told SOCKET FILE: the same, and whether Kea did it
    answer=$(kea "$1" "$2") || return 1
    case $(echo "$answer" | tr -d ' ') in
    *'"result":0'*) ;;
    *) echo "Kea: $answer" >&2 && return 1 ;;
    esac
}

ask() { # ask SOCKET COMMAND: the answer to one without arguments
    question=$(mktemp) || return 1
    echo "{\"command\": \"$2\"}" >"$question"
    kea "$1" "$question"
    did=$?
    rm -f "$question"
    return $did
}

ours() { # interfaces whose root qdisc is ours
    tc qdisc show | sed -n 's/^qdisc htb \(a150\|c150\): dev \([^ ]*\) root.*/\2/p'
}

see() { # see FOLDER SOCKET: everything there is to know, in sections
    tables=$(nft list tables) || return 1
    stands=$(echo "$tables" | grep -Fx "table $table")
    echo "== table" && { [ -z "$stands" ] || nft -j list table $table || return 1; }
    echo "== dump" && { [ -z "$stands" ] || nft -s list table $table || return 1; }
    echo "== qdiscs" && tc -j qdisc show && echo || return 1
    echo "== classes"
    for name in $(ours); do
        echo "dev $name" && tc class show dev "$name" || return 1
    done
    echo "== kea"
    [ ! -e "$2" ] || ask "$2" config-get && echo || return 1
    echo "== pending"
    for older in "$1"/pending-*; do
        [ ! -d "$older" ] || echo "${older##*/pending-}"
    done
    echo "== written" && { [ ! -e "$1/written.json" ] || cat "$1/written.json"; } && echo
    beside see
}

load() { # load FOLDER SOCKET FROM: what stands in FROM is so; classes first, since packets are given to them
    failed=0
    for name in $(ours); do
        tc qdisc del dev "$name" root || failed=1
    done
    tc -batch "$3/classes.tc" || failed=1
    nft -f "$3/isp.nft" || failed=1
    [ ! -e "$3/kea.json" ] || told "$2" "$3/kea.json" || failed=1
    cp "$3/written.json" "$1/written.json" || failed=1
    beside put "$3" || failed=1
    return $failed
}

guard() { # guard FOLDER SOCKET TOKEN SECONDS: go back by ourselves, unless the folder has another name by then
    find "$1" -maxdepth 1 -type d -name '*-*' ! -name 'pending-*' ! -name "new-$3" -mmin +1440 -exec rm -rf {} +
    for older in "$1"/pending-*; do
        [ -d "$older" ] || continue
        # Whoever began that is gone and nobody confirmed it: what was confirmed last is what we go back to.
        mv "$older" "$1/over-$3" || continue
        cp "$1/over-$3"/back/* "$1/new-$3/back/" && rm -rf "$1/over-$3" || return 1
    done
    mv "$1/new-$3" "$1/pending-$3" || return 1
    setsid sh "$1/pending-$3/router.sh" wait "$1" "$2" "$3" "$4" </dev/null >/dev/null 2>&1 &
}

wait_for() { # wait_for FOLDER SOCKET TOKEN SECONDS
    left=$4
    while [ "$left" -gt 0 ]; do
        sleep 1
        [ -d "$1/pending-$3" ] || return 0
        left=$((left - 1))
    done
    back "$1" "$2" "$3"
}

back() { # back FOLDER SOCKET TOKEN: whoever renames the folder does it, so it is done once
    if ! mv "$1/pending-$3" "$1/back-$3" 2>/dev/null; then
        while [ -d "$1/back-$3" ]; do sleep 1; done
        return 0
    fi
    load "$1" "$2" "$1/back-$3/back"
    did=$?
    rm -rf "$1/back-$3"
    return $did
}

check() { # check SOCKET FROM: would it be taken? If not, the folder goes
    did=0
    [ ! -e "$2/isp.nft" ] || nft -c -f "$2/isp.nft" || did=1
    [ ! -e "$2/test.json" ] || told "$1" "$2/test.json" || did=1
    [ $did = 0 ] || rm -rf "$2"
    return $did
}

keep() { # keep FOLDER SOCKET TOKEN COMMAND: it stays, also after a boot; COMMAND is for Kea, or empty
    if ! mv "$1/pending-$3" "$1/kept-$3" 2>/dev/null; then
        rm -rf "$1/boot-$3"
        echo "it has gone back by itself before it was confirmed" >&2
        return 1
    fi
    rm -rf "$1/boot.old"
    [ ! -e "$1/boot" ] || mv "$1/boot" "$1/boot.old"
    mv "$1/boot-$3" "$1/boot" && cp "$1/kept-$3/router.sh" "$1/router.sh" || return 1
    did=0
    if [ -n "$4" ]; then
        echo "{\"command\": \"$4\"}" >"$1/kept-$3/command.json"
        told "$2" "$1/kept-$3/command.json" || did=1
    fi
    rm -rf "$1/boot.old" "$1/kept-$3"
    return $did
}

boot() { # boot FOLDER: as it was confirmed last, whatever was begun since
    load "$1" none "$1/boot"
    did=$?
    for older in "$1"/pending-*; do
        [ ! -d "$older" ] || beside put "$older/back" || did=1
    done
    return $did
}

say() { # what it is
    uname -sr && cat /etc/os-release && echo "UPTIME=$(cut -d' ' -f1 /proc/uptime)"
}

main() {
    verb=$1
    shift
    case $verb in
    see | load | guard | back | check | keep | ask | told | say) "$verb" "$@" ;;
    wait) wait_for "$@" ;;
    batch) tc -batch "$1" ;;
    nft) nft -f "$1" ;;
    boot) boot "$1" ;;
    beside) beside put "$1" ;;
    *) echo "unknown: $verb" >&2 && exit 1 ;;
    esac
}

main "$@" </dev/null
exit
