-- richards: Martin Richards' simulation of an operating system's scheduler:
-- an idle task, a worker, two handlers and two devices that pass packets.
-- Stresses objects, method calls on several classes and linked queues.
-- Argument: number of simulations.

local rounds = tonumber((...)) or 350

local IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = 1, 2, 3, 4, 5, 6
local KIND_DEVICE, KIND_WORK = 0, 1
local PACKET_SIZE = 4
local IDLE_COUNT = 1000
local EXPECTED_QUEUED, EXPECTED_HELD = 2322, 928

-- Packets -------------------------------------------------------------------

local function new_packet(link, id, kind)
  local data = {}
  for i = 1, PACKET_SIZE do data[i] = 0 end
  return { link = link, id = id, kind = kind, datum = 0, data = data }
end

-- Puts a packet at the end of a queue; gives the queue.
local function append(packet, queue)
  packet.link = nil
  if not queue then return packet end
  local last = queue
  while last.link do last = last.link end
  last.link = packet
  return queue
end

-- Scheduler -----------------------------------------------------------------

local Scheduler = {}
Scheduler.__index = Scheduler

-- Task control blocks: a task is a behaviour with `run(packet)`, and three
-- flags: has a packet waiting, is suspended, is held.
local Tcb = {}
Tcb.__index = Tcb

function Scheduler.new()
  return setmetatable({ queued = 0, held = 0, blocks = {}, list = nil, current = nil }, Scheduler)
end

function Scheduler:add(id, priority, queue, behaviour, running)
  local tcb = setmetatable({
    link = self.list,
    id = id,
    priority = priority,
    queue = queue,
    packet_pending = queue ~= nil and not running,
    suspended = not running,
    held = false,
    behaviour = behaviour,
  }, Tcb)
  behaviour.scheduler = self
  self.list = tcb
  self.blocks[id] = tcb
end

function Scheduler:run()
  self.current = self.list
  while self.current do
    local tcb = self.current
    if tcb:is_held_or_suspended() then
      self.current = tcb.link
    else
      self.current_id = tcb.id
      self.current = tcb:run()
    end
  end
end

function Scheduler:release(id)
  local tcb = self.blocks[id]
  if not tcb then return tcb end
  tcb.held = false
  if tcb.priority > self.current.priority then return tcb end
  return self.current
end

function Scheduler:hold_current()
  self.held = self.held + 1
  self.current.held = true
  return self.current.link
end

function Scheduler:suspend_current()
  self.current.suspended = true
  return self.current
end

function Scheduler:queue(packet)
  local tcb = self.blocks[packet.id]
  if not tcb then return tcb end
  self.queued = self.queued + 1
  packet.link = nil
  packet.id = self.current_id
  return tcb:check_priority_add(self.current, packet)
end

function Tcb:is_held_or_suspended()
  return self.held or (self.suspended and not self.packet_pending)
end

function Tcb:run()
  local packet
  if self.suspended and self.packet_pending then
    packet = self.queue
    self.queue = packet.link
    self.suspended = false
    self.packet_pending = self.queue ~= nil
  end
  return self.behaviour:run(packet)
end

function Tcb:check_priority_add(task, packet)
  if not self.queue then
    self.queue = packet
    self.packet_pending = true
    if self.priority > task.priority then return self end
  else
    self.queue = append(packet, self.queue)
  end
  return task
end

-- The four kinds of tasks ---------------------------------------------------

local Idle = {}
Idle.__index = Idle

local function half(v) return (v - v % 2) / 2 end

-- v xor 0xD008 for v below 2^16, without bit operations.
local XOR_MASK = { 8, 4096, 16384, 32768 }
local function scramble(v)
  for i = 1, 4 do
    local bit = XOR_MASK[i]
    if v % (2 * bit) >= bit then v = v - bit else v = v + bit end
  end
  return v
end

function Idle:run()
  self.count = self.count - 1
  if self.count == 0 then return self.scheduler:hold_current() end
  if self.v1 % 2 == 0 then
    self.v1 = half(self.v1)
    return self.scheduler:release(DEVICE_A)
  end
  self.v1 = scramble(half(self.v1))
  return self.scheduler:release(DEVICE_B)
end

local Device = {}
Device.__index = Device

function Device:run(packet)
  if packet then
    self.pending = packet
    return self.scheduler:hold_current()
  end
  local v = self.pending
  if not v then return self.scheduler:suspend_current() end
  self.pending = nil
  return self.scheduler:queue(v)
end

local Worker = {}
Worker.__index = Worker

function Worker:run(packet)
  if not packet then return self.scheduler:suspend_current() end
  if self.v1 == HANDLER_A then self.v1 = HANDLER_B else self.v1 = HANDLER_A end
  packet.id = self.v1
  packet.datum = 0
  for i = 1, PACKET_SIZE do
    self.v2 = self.v2 + 1
    if self.v2 > 26 then self.v2 = 1 end
    packet.data[i] = self.v2
  end
  return self.scheduler:queue(packet)
end

local Handler = {}
Handler.__index = Handler

function Handler:run(packet)
  if packet then
    if packet.kind == KIND_WORK then
      self.work = append(packet, self.work)
    else
      self.devices = append(packet, self.devices)
    end
  end
  local work = self.work
  if work then
    local at = work.datum
    if at < PACKET_SIZE then
      local device = self.devices
      if device then
        self.devices = device.link
        device.datum = work.data[at + 1]
        work.datum = at + 1
        return self.scheduler:queue(device)
      end
    else
      self.work = work.link
      return self.scheduler:queue(work)
    end
  end
  return self.scheduler:suspend_current()
end

-- One simulation ------------------------------------------------------------

local function simulate()
  local s = Scheduler.new()
  s:add(IDLE, 0, nil, setmetatable({ v1 = 1, count = IDLE_COUNT }, Idle), true)

  local queue = new_packet(nil, WORKER, KIND_WORK)
  queue = new_packet(queue, WORKER, KIND_WORK)
  s:add(WORKER, 1000, queue, setmetatable({ v1 = HANDLER_A, v2 = 0 }, Worker))

  for i, id in ipairs { HANDLER_A, HANDLER_B } do
    local device = i == 1 and DEVICE_A or DEVICE_B
    queue = new_packet(nil, device, KIND_DEVICE)
    queue = new_packet(queue, device, KIND_DEVICE)
    queue = new_packet(queue, device, KIND_DEVICE)
    s:add(id, 1000 * (i + 1), queue, setmetatable({}, Handler))
  end

  s:add(DEVICE_A, 4000, nil, setmetatable({}, Device))
  s:add(DEVICE_B, 5000, nil, setmetatable({}, Device))
  s:run()
  return s.queued, s.held
end

local queued, held
for _ = 1, rounds do
  queued, held = simulate()
  assert(queued == EXPECTED_QUEUED and held == EXPECTED_HELD,
    "wrong counts: " .. queued .. " " .. held)
end
print("richards", rounds, queued, held)
