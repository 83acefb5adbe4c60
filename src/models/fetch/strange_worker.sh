#!/bin/sh
# Stands for the child in tests of its parent. The name of the file in the job says what it does wrong.
read -r line
case "$line" in
*says-garbage*) while :; do echo '{"not": ours}'; head -c 300 /dev/urandom; echo; done ;;
*says-one-long-line*) tr '\0' x </dev/zero ;;
*says-little-garbage*)
    echo 'a library says hello'
    echo '{"progress":{"verifying":{"name":"m"}}}'
    echo '{"progress":{"bytes":{"name":"m","done":-1}}}'
    echo '{"failed":{"stalled":{"host":"hub.test","seconds":7}}}'
    ;;
*lies*) echo '{"finished":[]}' ;;
*dies*) kill -9 $$ ;;
*crashes*) kill -SEGV $$ ;;
*ends*) exit 3 ;;
*is-deaf*)
    trap '' TERM
    echo '{"progress":{"verifying":{"name":"m"}}}'
    while :; do sleep 0.1; done
    ;;
*listens*)
    echo '{"progress":{"verifying":{"name":"m"}}}'
    cat >/dev/null
    ;;
esac
