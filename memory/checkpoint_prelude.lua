-- Shared by every checkpoint script: one thread's keys, and how its rows are laid out.
-- row = parent id \n tags of delta channels \n bytes of names \n names, then the body.
-- A blob's name is its channel's tag (8 bytes) and a digest of channel and version (12 bytes).
-- A long list's blob is a manifest: NUL, levels \n type \n names of nodes or, without levels, of pieces.
local ids, rows, blobs, writes, runs, info = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local items = KEYS[8]
local TAG, NAME, DIGEST, BATCH, FEW = 8, 20, 16, 1000, 16

local function cut(text, size)
  local parts = {}
  for at = 1, #text, size do parts[#parts + 1] = string.sub(text, at, at + size - 1) end
  return parts
end

-- Calls `command key ...` in batches: Lua cannot unpack arbitrarily long lists.
local function batched(command, key, items, each)
  for from = 1, #items, BATCH do
    local reply = redis.call(command, key, unpack(items, from, math.min(from + BATCH - 1, #items)))
    if each then for at, value in ipairs(reply) do each(items[from + at - 1], value) end end
  end
end

local function fetch(key, names)
  local values = {}
  batched('HMGET', key, names, function(_, value) values[#values + 1] = value end)
  return values
end

local function split(row)
  local first = string.find(row, '\n', 1, true)
  local second = string.find(row, '\n', first + 1, true)
  local third = string.find(row, '\n', second + 1, true)
  local size = tonumber(string.sub(row, second + 1, third - 1))
  return {
    parent = string.sub(row, 1, first - 1),
    tags = string.sub(row, first + 1, second - 1),
    names = string.sub(row, third + 1, third + size),
  }
end

local function space(member)
  return string.sub(member, 1, string.find(member, '\0', 1, true) - 1)
end

local function newest(ns)
  return redis.call('ZREVRANGEBYLEX', ids, '(' .. ns .. '\1', '[' .. ns .. '\0', 'LIMIT', 0, 1)[1]
end

local function written(member)
  local names = redis.call('HGET', writes, member)
  return names and fetch(writes, cut(names, DIGEST)) or {}
end

-- Cuts a manifest into its head, its levels and its names; nothing for any other value.
local function manifest(blob)
  if not blob or string.byte(blob) ~= 0 then return end
  local stop = string.find(blob, '\n', string.find(blob, '\n', 1, true) + 1, true)
  return string.sub(blob, 1, stop), tonumber(string.sub(blob, 2, 2)), string.sub(blob, stop + 1)
end

local function held(names)
  local found = fetch(items, cut(names, DIGEST))
  for _, body in ipairs(found) do
    if not body then error('LOST') end
  end
  return found
end

-- Returns a value as it is; for a manifest its head, the names of its nodes, the names of its pieces, and, where they
-- are few, the pieces: many are read faster outside a script.
local function whole(blob)
  local head, levels, names = manifest(blob)
  if not head then return blob end
  local nodes = {}
  for level = 1, levels do
    nodes[level] = names
    names = table.concat(held(names))
  end
  return {head, table.concat(nodes), names, #names <= FEW * DIGEST and held(names) or nil}
end

local function entry(member)
  local row = redis.call('HGET', rows, member)
  if not row then return false end
  local values = fetch(blobs, cut(split(row).names, NAME))
  for at, value in ipairs(values) do values[at] = whole(value) end
  return {member, row, values, written(member)}
end

local function touch(ttl)
  if ttl == '' then return end
  for _, key in ipairs(KEYS) do
    if ttl == '-1' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, ttl) end
  end
end

-- A thread belongs to whoever wrote it first; a caller that names itself must be that one.
local function refused(tenant, user)
  if user == '' then return false end
  local owner = redis.call('HMGET', info, 'tenant', 'user')
  return owner[2] and (owner[1] ~= tenant or owner[2] ~= user)
end

local function claim(tenant, user)
  if user ~= '' and redis.call('HEXISTS', info, 'user') == 0 then
    redis.call('HSET', info, 'tenant', tenant, 'user', user)
  end
end

local function blob_of(row, tag)
  for _, name in ipairs(cut(row.names, NAME)) do
    if string.sub(name, 1, TAG) == tag then return name end
  end
end

local EARLY, EARLY_S = 100, 3600

-- Takes back what was written to versions that never came: after an hour, and of very many the oldest.
local function forget_early(list)
  local now, left = tonumber(redis.call('TIME')[1]), {}
  for time, member in string.gmatch(list, '(%d+) ([^\n]+)') do
    if redis.call('HEXISTS', rows, member) == 0 then left[#left + 1] = {tonumber(time), member} end
  end
  local kept = {}
  for at, one in ipairs(left) do
    if one[1] > now - EARLY_S and at > #left - EARLY then
      kept[#kept + 1] = one[1] .. ' ' .. one[2]
    else
      batched('HDEL', writes, cut(redis.call('HGET', writes, one[2]) or '', DIGEST))
      redis.call('HDEL', writes, one[2])
    end
  end
  return table.concat(kept, '\n')
end

local function note_early(member)
  local list, entry = redis.call('HGET', info, 'early'), redis.call('TIME')[1] .. ' ' .. member
  redis.call('HSET', info, 'early', list and forget_early(list .. '\n' .. entry) or entry)
end

-- Adds a task's writes to a version. ARGV from one place to another: name, '1' to overwrite, value.
local function add_writes(member, from, to)
  local added = {}
  for at = from, to, 3 do
    local fresh = redis.call('HEXISTS', writes, ARGV[at]) == 0
    if fresh then added[#added + 1] = ARGV[at] end
    if fresh or ARGV[at + 1] == '1' then redis.call('HSET', writes, ARGV[at], ARGV[at + 2]) end
  end
  if #added > 0 then
    local names = redis.call('HGET', writes, member)
    redis.call('HSET', writes, member, (names or '') .. table.concat(added))
    if not names and redis.call('HEXISTS', rows, member) == 0 then note_early(member) end
  end
  return #added
end
