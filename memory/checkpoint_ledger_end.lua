-- Says how a started tool call ended. ARGV: place of the ledger among KEYS, number, state, result,
-- milliseconds until a started call counts as lost. 'started' goes on, '' takes the call back.
local ledger, number, state = KEYS[tonumber(ARGV[1])], ARGV[2], ARGV[3]
local raw = redis.call('HGET', ledger, number)
if not raw then return 0 end
local row = cjson.decode(raw)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if state == '' then
  local field, left = '=' .. row.what, {}
  for each in string.gmatch(redis.call('HGET', ledger, field) or '', '[^\n]+') do
    if each ~= number then left[#left + 1] = each end
  end
  if #left == 0 then redis.call('HDEL', ledger, field) else redis.call('HSET', ledger, field, table.concat(left, '\n')) end
  return redis.call('HDEL', ledger, number, number .. '!')
end
row.state = state
if state == 'started' then row['until'] = now + tonumber(ARGV[5]) else row.ended = now end
redis.call('HSET', ledger, number, cjson.encode(row))
if ARGV[4] ~= '' then redis.call('HSET', ledger, number .. '!', ARGV[4]) end
return 1
