-- Decides in one step whether a tool call is made, or was made before.
-- ARGV: place of the ledger among KEYS, ttl, tenant, user, digest of the call, version it is made at, id of the call,
-- version that one was forked from or '', '1' to make it again, '1' where the version has been waited for, milliseconds until a started call counts as lost,
-- the new row, then the ids of the calls that the agent knows of.
-- Returns {'new', number, number of the first try at it}, {'done', number, row, result}, {'unknown', number, row}, {'busy'} or {'early'}.
local KEPT = 1000
local ledger, what, at, call = KEYS[tonumber(ARGV[1])], ARGV[5], ARGV[6], ARGV[7]
local stem, again, waited, lease = ARGV[8], ARGV[9] == '1', ARGV[10] == '1', tonumber(ARGV[11])
if refused(ARGV[3], ARGV[4]) then return redis.error_reply('NOTOWNER') end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local known = {}
for place = 13, #ARGV do known[ARGV[place]] = true end

-- The version may not have been stored yet; its thread then stands at the newest one.
local early = false
local function start()
  if redis.call('HEXISTS', rows, '\0' .. at) == 1 then return at end
  local member = newest('')
  if not member then return nil end
  if not waited then early = true end
  return string.sub(member, 2)
end

-- The way from here back, walked once for all calls that are looked at, and no further than to the oldest of them.
local cursor, lowest, walked, begun = nil, nil, {}, false

-- Tells whether the thread went back behind version `made`, or off another way; not where old versions were let go.
local function left_behind(made)
  if made > at or made == stem then return true end
  if not begun then begun, cursor = true, start() end
  if lowest and made >= lowest then return not walked[made] end
  while cursor and cursor > made do
    walked[cursor], lowest = true, cursor
    local row = redis.call('HGET', rows, '\0' .. cursor)
    cursor = row and string.sub(row, 1, string.find(row, '\n', 1, true) - 1)
  end
  return cursor and cursor ~= made
end

local function is_same(row)
  if row.state == 'failed' then return false end
  if row.call == call and row.at == at then return true end
  return not known[row.call] and (row.at == at or left_behind(row.at))
end

local function find()
  for number in string.gmatch(redis.call('HGET', ledger, '=' .. what) or '', '[^\n]+') do
    local raw = redis.call('HGET', ledger, number)
    local row = raw and cjson.decode(raw)
    if row and is_same(row) then return number, row end
  end
end

local number, row = find()
if early then return {'early'} end
if row and row.state == 'started' and row['until'] >= now then return {'busy'} end
if row and not again then
  local told = cjson.encode(row)
  if row.state ~= 'done' then return {'unknown', number, told} end
  row.at, row.call, row.replays = at, call, row.replays + 1
  redis.call('HSET', ledger, number, cjson.encode(row))
  touch(ARGV[2])
  return {'done', number, told, redis.call('HGET', ledger, number .. '!') or ''}
end

local function forget(old)
  local raw = redis.call('HGET', ledger, old)
  if not raw then return end
  local field, left = '=' .. cjson.decode(raw).what, {}
  for each in string.gmatch(redis.call('HGET', ledger, field) or '', '[^\n]+') do
    if each ~= old then left[#left + 1] = each end
  end
  if #left == 0 then redis.call('HDEL', ledger, field) else redis.call('HSET', ledger, field, table.concat(left, '\n')) end
  redis.call('HDEL', ledger, old, old .. '!')
end

-- A saver of another kind keeps no owner of the thread.
if redis.call('EXISTS', ids) == 0 and redis.call('HEXISTS', info, 'user') == 0 then
  redis.call('HSET', info, 'tenant', ARGV[3], 'user', ARGV[4])
end
local made = redis.call('HINCRBY', ledger, '#', 1)
local new = cjson.decode(ARGV[12])
new.state, new.what, new.at, new.made_at, new.call, new.replays = 'started', what, at, at, call, 0
new.started, new['until'] = now, now + lease
-- What is made again because nobody knows what came of it is another try at the same.
new.first = row and row.state ~= 'done' and row.first or tostring(made)
redis.call('HSET', ledger, tostring(made), cjson.encode(new))
local listed = redis.call('HGET', ledger, '=' .. what)
redis.call('HSET', ledger, '=' .. what, listed and listed .. '\n' .. made or tostring(made))
if made > KEPT then forget(tostring(made - KEPT)) end
touch(ARGV[2])
return {'new', tostring(made), new.first}
