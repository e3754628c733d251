#!/bin/sh
# Backs up the store to /backups once a day and keeps the newest BACKUP_KEEP; files with other names are not
# touched. A backup gets its name once it is complete; a failed one leaves nothing behind and is retried after
# an hour.
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
