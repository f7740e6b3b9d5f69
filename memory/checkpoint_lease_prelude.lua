-- Shared by the scripts of leases. A lease lives for seconds: it is not worth a write to disk, nor a wait for one.
if redis.set_repl then redis.set_repl(redis.REPL_NONE) end
local lease, holder, ms = KEYS[#KEYS], ARGV[1], ARGV[2]
local held = redis.call('GET', lease)
