-- Stores checkpoints, all or none, and in any case what was written to the first one's parent.
-- ARGV: ttl, tenant, user, parent's member, count of writes, each as its name, '1' to overwrite, value,
-- then per checkpoint: member, row, run, expected newest member or '*', member whose values it shares or '',
-- count and pairs of blobs, count and names of blobs that are now empty, count and pairs of items, names of items
-- that must be there. Returns the runs that are new here, or {''} where an item is not there and nothing was done.
local NOTED = 8192 -- bytes of a note, at most: nobody may come to read it
if refused(ARGV[2], ARGV[3]) then return redis.error_reply('NOTOWNER') end
local at = 6 + 3 * tonumber(ARGV[5])
add_writes(ARGV[4], 6, at - 1)
local function take()
  at = at + 1
  return ARGV[at - 1]
end
local function list(count)
  local items = {}
  for _ = 1, count do items[#items + 1] = take() end
  return items
end
local puts = {}
while at <= #ARGV do
  local put = {member = take(), row = take(), run = take(), expect = take(), of = take()}
  put.blobs = list(2 * tonumber(take()))
  put.empty = list(tonumber(take()))
  put.items = list(2 * tonumber(take()))
  for _, name in ipairs(cut(take(), DIGEST)) do
    if redis.call('HEXISTS', items, name) == 0 then return {''} end
  end
  local lacking = put.of ~= '' and redis.call('HMGET', rows, put.of, put.member)
  if lacking and not lacking[1] and not lacking[2] then return redis.error_reply('REMOVED') end
  if put.expect ~= '*' then
    local last = newest(space(put.member)) or ''
    -- What is there already is a retry of a put whose answer was lost; the next version may have followed it.
    local fine = last == put.expect or last == put.member or redis.call('HGET', rows, put.member) == put.row
    if not fine then return redis.error_reply('CONFLICT') end
  end
  puts[#puts + 1] = put
end
local new = {}
for _, put in ipairs(puts) do
  batched('HSET', items, put.items)
  batched('HSET', blobs, put.blobs)
  batched('HDEL', blobs, put.empty)
  redis.call('HSET', rows, put.member, put.row)
  if redis.call('ZADD', ids, 0, put.member) == 1 and put.run ~= '' then
    local members = redis.call('HGET', runs, put.run)
    if not members then new[#new + 1] = put.run end
    redis.call('HSET', runs, put.run, members and members .. '\n' .. put.member or put.member)
  end
end
-- A removal is under way: it must not take what these need.
local note = redis.call('HGET', info, 'removing')
if note then
  for _, put in ipairs(puts) do note = note .. '\n' .. put.member end
  redis.call('HSET', info, 'removing', #note < NOTED and note or '-')
end
claim(ARGV[2], ARGV[3])
touch(ARGV[1])
return new
