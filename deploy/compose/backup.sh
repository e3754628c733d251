#!/bin/sh
# Backs up the store once a day into /backups and drops what is older than BACKUP_DAYS.
# A backup has its name only once it is whole; a failed one is tried again after an hour.
set -u
config=${CONFIG:-/etc/github-stats/config.yaml}
days=${BACKUP_DAYS:-30}
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }
while :; do
    if github-stats backup --config "$config" "/backups/$(date -u +%Y%m%dT%H%M%SZ).backup"; then
        find /backups -name '*.backup' -mtime "+$days" -exec rm -f {} +
        find /backups -name '*.unfinished' -mtime +1 -exec rm -f {} +
        pause "${BACKUP_INTERVAL_SECONDS:-86400}"
    else
        echo "the backup failed; the next attempt follows in an hour" >&2
        pause 3600
    fi
done
