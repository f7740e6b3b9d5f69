-- Notes that versions of a thread are being removed: a put adds itself to the note from now on. ARGV: token.
-- Returns 0 where there is no version, 2 where an earlier removal did not come to its end, else 1.
if redis.call('EXISTS', ids) == 0 then return 0 end
local is_new, left = redis.call('EXISTS', info) == 0, redis.call('PTTL', ids)
local unfinished = redis.call('HEXISTS', info, 'removing')
redis.call('HSET', info, 'removing', ARGV[1])
local early = redis.call('HGET', info, 'early')
local left_early = early and forget_early(early)
if left_early == '' then redis.call('HDEL', info, 'early') end
if left_early and left_early ~= '' then redis.call('HSET', info, 'early', left_early) end
if is_new and left > 0 then redis.call('PEXPIRE', info, left) end
return 1 + unfinished
