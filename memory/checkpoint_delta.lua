-- Walks from a checkpoint's parent towards the root until each channel's stored value is met.
-- ARGV: namespace, member or '', channel tags. Returns {tag, value} pairs, and the writes step by step.
local member = ARGV[2] ~= '' and ARGV[2] or newest(ARGV[1])
local wanted, left = {}, #ARGV - 2
for at = 3, #ARGV do wanted[ARGV[at]] = true end
local seeds, steps = {}, {}
local row = member and redis.call('HGET', rows, member)
while row and left > 0 do
  local parent = split(row).parent
  if parent == '' then break end
  member = ARGV[1] .. '\0' .. parent
  row = redis.call('HGET', rows, member)
  if not row then break end
  local found, step = split(row), {}
  for _, value in ipairs(written(member)) do
    if value and wanted[string.sub(value, 1, TAG)] then step[#step + 1] = value end
  end
  steps[#steps + 1] = step
  for tag in pairs(wanted) do
    local name = blob_of(found, tag)
    local value = name and redis.call('HGET', blobs, name)
    if value then
      seeds[#seeds + 1] = {tag, whole(value)}
      wanted[tag], left = nil, left - 1
    end
  end
end
return {seeds, steps}
