-- Shared by the scripts that remove checkpoints.

-- Marks what `member` needs to rebuild its delta channels: ancestors back to each channel's stored value.
local function mark_needed(member, keep)
  local row = redis.call('HGET', rows, member)
  if not row then return end
  local at = split(row)
  local wanted, left = {}, 0
  for _, tag in ipairs(cut(at.tags, TAG)) do
    local name = blob_of(at, tag)
    if not (name and redis.call('HEXISTS', blobs, name) == 1) then wanted[tag], left = true, left + 1 end
  end
  while left > 0 and at.parent ~= '' do
    local parent = space(member) .. '\0' .. at.parent
    row = redis.call('HGET', rows, parent)
    if not row then return end
    keep[parent] = true
    at = split(row)
    for tag in pairs(wanted) do
      local name = blob_of(at, tag)
      if name and redis.call('HEXISTS', blobs, name) == 1 then wanted[tag], left = nil, left - 1 end
    end
  end
end

local function sweep(key, live)
  local dead = {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if not live[name] then dead[#dead + 1] = name end
  end
  batched('HDEL', key, dead)
end

-- Marks what a manifest leads to; what is marked already has been followed.
local function mark_items(levels, names, live)
  local fresh = {}
  for _, name in ipairs(cut(names, DIGEST)) do
    if not live[name] then live[name], fresh[#fresh + 1] = true, name end
  end
  if levels == 0 then return end
  for _, node in ipairs(fetch(items, fresh)) do
    if node then mark_items(levels - 1, node, live) end
  end
end

local function sweep_values(members)
  local live, names = {}, {}
  for _, member in ipairs(members) do
    local row = redis.call('HGET', rows, member)
    for _, name in ipairs(row and cut(split(row).names, NAME) or {}) do
      if not live[name] then live[name], names[#names + 1] = true, name end
    end
  end
  sweep(blobs, live)
  if redis.call('EXISTS', items) == 0 then return end
  local kept = {}
  batched('HMGET', blobs, names, function(_, blob)
    local _, levels, top = manifest(blob)
    if top then mark_items(levels, top, kept) end
  end)
  sweep(items, kept)
end

-- Returns the runs of which nothing is left.
local function sweep_runs(gone)
  local listed, ended = redis.call('HGETALL', runs), {}
  for at = 1, #listed, 2 do
    local left, changed = {}, false
    for member in string.gmatch(listed[at + 1], '[^\n]+') do
      if gone[member] then changed = true else left[#left + 1] = member end
    end
    if #left == 0 then
      ended[#ended + 1] = listed[at]
    elseif changed then
      redis.call('HSET', runs, listed[at], table.concat(left, '\n'))
    end
  end
  batched('HDEL', runs, ended)
  return ended
end

local function sweep_names(gone)
  local fields, dead = redis.call('HGETALL', info), {}
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 5) == 'name:' and gone[fields[at + 1]] then dead[#dead + 1] = fields[at] end
  end
  batched('HDEL', info, dead)
end

local function with(count, names)
  table.insert(names, 1, tostring(count))
  return names
end

-- Returns how many went, and the runs of which nothing is left.
local function remove_all_but(keep)
  local dead, gone, kept = {}, {}, {}
  for _, member in ipairs(redis.call('ZRANGE', ids, 0, -1)) do
    if keep[member] then kept[#kept + 1] = member else dead[#dead + 1], gone[member] = member, true end
  end
  if #dead == 0 then return {'0'} end
  if #kept == 0 then
    local names = redis.call('HKEYS', runs)
    redis.call('UNLINK', unpack(KEYS))
    return with(#dead, names)
  end
  for _, member in ipairs(dead) do
    local names = redis.call('HGET', writes, member)
    if names then batched('HDEL', writes, cut(names, DIGEST)) end
  end
  batched('HDEL', writes, dead)
  batched('HDEL', rows, dead)
  batched('ZREM', ids, dead)
  sweep_values(kept)
  sweep_names(gone)
  return with(#dead, sweep_runs(gone))
end

local function keep_needed(keep)
  local roots = {}
  for member in pairs(keep) do roots[#roots + 1] = member end
  for _, member in ipairs(roots) do mark_needed(member, keep) end
end
