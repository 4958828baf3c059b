"""The stress tests: real processes, servers, disks and the real logrotate try to break a log."""
