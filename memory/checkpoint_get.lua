-- Reads one checkpoint whole. ARGV: namespace, member or '', ttl, tenant, user.
if refused(ARGV[4], ARGV[5]) then return redis.error_reply('NOTOWNER') end
local member = ARGV[2] ~= '' and ARGV[2] or newest(ARGV[1])
local found = member and entry(member)
if found then touch(ARGV[3]) end
return found
