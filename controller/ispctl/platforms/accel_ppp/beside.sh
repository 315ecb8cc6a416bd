# What accel-ppp says of itself, and how another file of it is put in place. `file` and `unit` are set before this.

beside() { # beside see: sections of what it says; beside put FROM: what stands in FROM is so
    case $1 in
    see)
        echo "== file" && { [ ! -e "$file" ] || base64 "$file"; } || return 1
        echo "== version" && asked show version
        echo "== stat" && asked show stat
        return 0
        ;;
    put)
        [ -e "$2/accel-ppp.conf" ] || return 0
        failed_here=0
        cp -p "$file" "$file.new" && cat "$2/accel-ppp.conf" >"$file.new" && mv "$file.new" "$file" || return 1
        while read -r what name; do
            tell "$what" "$name" || failed_here=1
        done <"$2/accel-ppp.todo"
        return $failed_here
        ;;
    esac
}

asked() { # asked WORDS: the answer of accel-ppp, if it runs
    accel-cmd "$@" </dev/null 2>/dev/null | tr -d '\r'
}

tell() { # tell WHAT NAME: where all is well accel-ppp says nothing
    case $1 in
    reload) said=$(accel-cmd reload </dev/null 2>&1) ;;
    restart) said=$(systemctl restart "$unit" </dev/null 2>&1) && awaited ;;
    *) said=$(accel-cmd pppoe interface "$1" "$2" </dev/null 2>&1) ;;
    esac
    did=$?
    said=$(echo "$said" | tr -d '\r')
    [ $did != 0 ] || [ -n "$said" ] || return 0
    echo "accel-ppp: $1${2:+ $2}: ${said:-it did not}" >&2
    return 1
}

awaited() { # it answers again
    tries=0
    until [ -n "$(asked show version)" ]; do
        tries=$((tries + 1))
        [ $tries -lt 20 ] || { said="it does not come up again" && return 1; }
        sleep 1
    done
}
