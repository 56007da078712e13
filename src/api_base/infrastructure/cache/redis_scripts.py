"""The scripts of the cache in Redis, each one step on the server.

`PUBLISH` sends the names of keys and tags whose values in the memory of other processes end. A script that changes what such a memory may hold
publishes in the same step: what did not reach the server is never announced, and what reached it always is.
"""

from typing import Final

_READ: Final = """
local function read(key, prefix)
  local fields, value, etag, tags = redis.call('HGETALL', key), false, false, {}
  for i = 1, #fields, 2 do
    if fields[i] == 'v' then
      value = fields[i + 1]
    elseif fields[i] == 'e' then
      etag = fields[i + 1]
    elseif redis.call('GET', prefix .. fields[i]) ~= fields[i + 1] then
      redis.call('UNLINK', key)
      return {false, 0, false, {}}
    else
      tags[#tags + 1] = fields[i]
    end
  end
  return {value, redis.call('PTTL', key), etag, tags}
end
"""
"""`prefix` and the name of a field, `:t:` and the tag, are the key of the tag."""

GET: Final = f"""{_READ}
local found = {{}}
for i, key in ipairs(KEYS) do
  found[i] = read(key, ARGV[1])
end
return found
"""

LOOKUP: Final = f"""{_READ}
local answer = {{read(KEYS[1], ARGV[1])}}
for i = 2, #KEYS do
  answer[i] = redis.call('GET', KEYS[i])
  if not answer[i] then
    redis.call('SET', KEYS[i], ARGV[3], 'PX', ARGV[2])
    answer[i] = ARGV[3]
  end
end
return answer
"""

STORE: Final = """
for i = 3, #KEYS do
  if redis.call('GET', KEYS[i]) ~= ARGV[2 * i + 2] then
    return 0
  end
end
local replaced = redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'v', ARGV[1], unpack(ARGV, 7))
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'e', ARGV[6])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 3, #KEYS do
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
end
redis.call('UNLINK', KEYS[2])
if replaced == 1 then
  redis.call('PUBLISH', ARGV[4], ARGV[5])
end
return 1
"""
"""The second key is the claim of the load, which ends."""

COUNT: Final = f"""{_READ}
local valid = 0
for _, key in ipairs(KEYS) do
  if read(key, ARGV[1])[1] then
    valid = valid + 1
  end
end
return valid
"""

REMOVE: Final = f"""{_READ}
local valid = 0
for _, key in ipairs(KEYS) do
  if read(key, ARGV[1])[1] then
    valid = valid + 1
    redis.call('UNLINK', key)
  end
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return valid
"""

SET: Final = """
for i, key in ipairs(KEYS) do
  redis.call('DEL', key)
  redis.call('HSET', key, 'v', ARGV[i + 3])
  redis.call('PEXPIRE', key, ARGV[1])
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
"""

END: Final = """
redis.call('UNLINK', unpack(KEYS))
redis.call('PUBLISH', ARGV[1], ARGV[2])
"""

CLAIM: Final = """
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then
  return ''
end
redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
local holder = redis.call('GET', KEYS[2])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return holder
"""

RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[2])
end
"""
"""Those who wait for a load that stored nothing load on their own: for a while nobody can claim it."""
