trash=$1
shift
left=
trap '' INT HUP
trap 'left=yes; kill -INT "$program"' TERM
exec 3<&0 </dev/null
"$@" 3<&- &
program=$!
{
    read -r _ <&3
    kill -TERM $$
    tries=0
    while [ "$tries" -lt 20 ]; do sleep 0.5; tries=$((tries + 1)); done
    kill -QUIT "$program"
} &
watcher=$!
wait "$program"
status=$?
while kill -0 "$program" 2>/dev/null; do wait "$program"; done
kill -KILL "$watcher" 2>/dev/null
if [ -n "$left" ] && [ -n "$trash" ]; then rm -rf -- "$trash"; fi
exit "$status"
