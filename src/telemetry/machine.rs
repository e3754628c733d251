//! Metrics of the process that the operating system provides.

use std::fs;
use std::path::Path;

use super::catalogue;
use crate::exposition::MetricFamily;

/// The mount point of control groups.
const CGROUPS: &str = "/sys/fs/cgroup";
/// The first version of control groups writes a number near 2^63 where there is no limit.
const UNLIMITED: u64 = 1 << 60;

/// The `process_*` families; empty on an operating system that does not provide them.
#[cfg(target_os = "linux")]
pub(super) fn process(replica: &str) -> Vec<MetricFamily> {
    let Ok(process) = procfs::process::Process::myself() else { return Vec::new() };
    let labels = [replica];
    let mut families = Vec::new();
    if let Ok(stat) = process.stat() {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        families.push(catalogue::PROCESS_CPU.family().with(&labels, seconds(stat.utime + stat.stime)));
        families.push(catalogue::PROCESS_RSS.family().with(&labels, resident(&stat) as f64));
        families.push(catalogue::PROCESS_VIRTUAL.family().with(&labels, stat.vsize as f64));
        families.push(catalogue::PROCESS_THREADS.family().with(&labels, stat.num_threads as f64));
        if let Ok(boot) = procfs::boot_time_secs() {
            let start = boot as f64 + seconds(stat.starttime);
            families.push(catalogue::PROCESS_START.family().with(&labels, start));
        }
    }
    if let Ok(open) = process.fd_count() {
        families.push(catalogue::PROCESS_OPEN_FDS.family().with(&labels, open as f64));
    }
    if let Ok(limits) = process.limits()
        && let procfs::process::LimitValue::Value(max) = limits.max_open_files.soft_limit
    {
        families.push(catalogue::PROCESS_MAX_FDS.family().with(&labels, max as f64));
    }
    families
}

/// The `process_*` families; empty on an operating system that does not provide them.
#[cfg(not(target_os = "linux"))]
pub(super) fn process(_replica: &str) -> Vec<MetricFamily> {
    Vec::new()
}

/// Resident memory of the process in bytes; `None` where the operating system does not provide it.
#[cfg(target_os = "linux")]
pub fn resident_memory() -> Option<u64> {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat()).ok()?;
    Some(resident(&stat))
}

#[cfg(target_os = "linux")]
fn resident(stat: &procfs::process::Stat) -> u64 {
    stat.rss * procfs::page_size()
}

/// Resident memory of the process in bytes; `None` where the operating system does not provide it.
#[cfg(not(target_os = "linux"))]
pub fn resident_memory() -> Option<u64> {
    None
}

/// Bytes of memory the control group of the process may use; `None` where there is no limit.
pub fn memory_limit() -> Option<u64> {
    memory_limit_below(Path::new(CGROUPS))
}

fn memory_limit_below(root: &Path) -> Option<u64> {
    let files = ["memory.max", "memory/memory.limit_in_bytes"];
    let text = files.into_iter().find_map(|file| fs::read_to_string(root.join(file)).ok())?;
    text.trim().parse().ok().filter(|limit| *limit < UNLIMITED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_both_versions_of_control_groups_is_read() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(memory_limit_below(root.path()), None);
        fs::create_dir(root.path().join("memory")).unwrap();
        fs::write(root.path().join("memory/memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(memory_limit_below(root.path()), None);
        fs::write(root.path().join("memory/memory.limit_in_bytes"), "1048576\n").unwrap();
        assert_eq!(memory_limit_below(root.path()), Some(1_048_576));
        fs::write(root.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(memory_limit_below(root.path()), None);
        fs::write(root.path().join("memory.max"), "536870912\n").unwrap();
        assert_eq!(memory_limit_below(root.path()), Some(536_870_912));
    }
}
