#!/bin/sh
# Backs up the store once a day into /backups, where the newest BACKUP_KEEP stay; backups of other names are left alone.
# A backup has its name only once it is whole; a failed one leaves nothing and is tried again after an hour.
set -u
config=${CONFIG:-/etc/github-stats/config.yaml}
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }
while :; do
    if github-stats backup --config "$config" --keep "${BACKUP_KEEP:-30}" /backups/; then
        pause "${BACKUP_INTERVAL_SECONDS:-86400}"
    else
        echo "the backup failed; the next attempt follows in an hour" >&2
        pause 3600
    fi
done
