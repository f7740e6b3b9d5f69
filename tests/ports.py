"""Free ports for servers that tests start."""

from twintrack.bench.redis_servers import free_port as free_port
