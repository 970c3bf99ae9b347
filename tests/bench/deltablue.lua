-- deltablue: an incremental solver of one-way constraint hierarchies (Freeman-
-- Benson and Maloney), on a chain of equalities and on a projection.
-- Stresses class hierarchies, virtual method calls and growing lists.
-- Argument: number of rounds.

local rounds = tonumber((...)) or 300
local SIZE = 100

local function class(parent)
  local c = {}
  c.__index = c
  return setmetatable(c, parent)
end

-- Strengths: a smaller number is a stronger constraint.
local REQUIRED, STRONG_PREFERRED, PREFERRED, STRONG_DEFAULT, NORMAL, WEAK_DEFAULT, WEAKEST = 0, 1, 2, 3, 4, 5, 6

local NONE, FORWARD, BACKWARD = 0, 1, 2

local planner

-- Variables -------------------------------------------------------------------

local Variable = class()

local function new_variable(name, value)
  return setmetatable({
    name = name, value = value or 0, constraints = {}, determined_by = nil,
    mark = 0, walk_strength = WEAKEST, stay = true,
  }, Variable)
end

function Variable:add(constraint)
  self.constraints[#self.constraints + 1] = constraint
end

function Variable:remove(constraint)
  local list = self.constraints
  for i = 1, #list do
    if list[i] == constraint then
      table.remove(list, i)
      break
    end
  end
  if self.determined_by == constraint then self.determined_by = nil end
end

-- Constraints: what all have in common ----------------------------------------

local Constraint = class()

function Constraint:enable()
  self:add_to_graph()
  planner:incremental_add(self)
end

function Constraint:disable()
  if self:is_satisfied() then
    planner:incremental_remove(self)
  else
    self:remove_from_graph()
  end
end

-- Tries to satisfy this constraint; gives the constraint that had to give way.
function Constraint:satisfy(mark)
  self:choose_method(mark)
  if not self:is_satisfied() then
    if self.strength == REQUIRED then error("cannot satisfy a required constraint") end
    return nil
  end
  self:mark_inputs(mark)
  local out = self:output()
  local overridden = out.determined_by
  if overridden then overridden:mark_unsatisfied() end
  out.determined_by = self
  if not planner:add_propagate(self, mark) then error("cycle encountered") end
  out.mark = mark
  return overridden
end

function Constraint:is_input() return false end

-- One variable ----------------------------------------------------------------

local Unary = class(Constraint)

local function new_unary(cls, variable, strength)
  local c = setmetatable({ strength = strength, variable = variable, satisfied = false }, cls)
  c:enable()
  return c
end

function Unary:add_to_graph()
  self.variable:add(self)
  self.satisfied = false
end

function Unary:remove_from_graph()
  self.variable:remove(self)
  self.satisfied = false
end

function Unary:choose_method(mark)
  local v = self.variable
  self.satisfied = v.mark ~= mark and self.strength < v.walk_strength
end

function Unary:is_satisfied() return self.satisfied end
function Unary:mark_inputs() end
function Unary:output() return self.variable end
function Unary:mark_unsatisfied() self.satisfied = false end
function Unary:inputs_known() return true end

function Unary:recalculate()
  local v = self.variable
  v.walk_strength = self.strength
  v.stay = not self:is_input()
  if v.stay then self:execute() end
end

local Stay = class(Unary)
function Stay:execute() end

local Edit = class(Unary)
function Edit:is_input() return true end
function Edit:execute() end

-- Two variables ---------------------------------------------------------------

local Binary = class(Constraint)

function Binary:choose_method(mark)
  local a, b = self.v1, self.v2
  self.direction = NONE
  if a.mark == mark then
    if b.mark ~= mark and self.strength < b.walk_strength then self.direction = FORWARD end
  elseif b.mark == mark then
    if self.strength < a.walk_strength then self.direction = BACKWARD end
  elseif a.walk_strength > b.walk_strength then
    if self.strength < a.walk_strength then self.direction = BACKWARD end
  elseif self.strength < b.walk_strength then
    self.direction = FORWARD
  end
end

function Binary:add_to_graph()
  self.v1:add(self)
  self.v2:add(self)
  self.direction = NONE
end

function Binary:remove_from_graph()
  self.v1:remove(self)
  self.v2:remove(self)
  self.direction = NONE
end

function Binary:is_satisfied() return self.direction ~= NONE end
function Binary:mark_unsatisfied() self.direction = NONE end
function Binary:input() return self.direction == FORWARD and self.v1 or self.v2 end
function Binary:output() return self.direction == FORWARD and self.v2 or self.v1 end
function Binary:mark_inputs(mark) self:input().mark = mark end

function Binary:inputs_known(mark)
  local v = self:input()
  return v.mark == mark or v.stay or v.determined_by == nil
end

function Binary:recalculate()
  local from, to = self:input(), self:output()
  to.walk_strength = math.max(self.strength, from.walk_strength)
  to.stay = from.stay
  if to.stay then self:execute() end
end

local Equality = class(Binary)

local function new_equality(v1, v2, strength)
  local c = setmetatable({ strength = strength, v1 = v1, v2 = v2, direction = NONE }, Equality)
  c:enable()
  return c
end

function Equality:execute()
  self:output().value = self:input().value
end

-- v2 = v1 * scale + offset
local Scale = class(Binary)

local function new_scale(source, scale, offset, target, strength)
  local c = setmetatable({
    strength = strength, v1 = source, v2 = target, direction = NONE,
    scale = scale, offset = offset,
  }, Scale)
  c:enable()
  return c
end

function Scale:add_to_graph()
  Binary.add_to_graph(self)
  self.scale:add(self)
  self.offset:add(self)
end

function Scale:remove_from_graph()
  Binary.remove_from_graph(self)
  self.scale:remove(self)
  self.offset:remove(self)
end

function Scale:mark_inputs(mark)
  Binary.mark_inputs(self, mark)
  self.scale.mark = mark
  self.offset.mark = mark
end

function Scale:execute()
  if self.direction == FORWARD then
    self.v2.value = self.v1.value * self.scale.value + self.offset.value
  else
    self.v1.value = (self.v2.value - self.offset.value) / self.scale.value
  end
end

function Scale:recalculate()
  local from, to = self:input(), self:output()
  to.walk_strength = math.max(self.strength, from.walk_strength)
  to.stay = from.stay and self.scale.stay and self.offset.stay
  if to.stay then self:execute() end
end

-- Planner ---------------------------------------------------------------------

local Planner = class()

function Planner:new_mark()
  self.mark = self.mark + 1
  return self.mark
end

function Planner:incremental_add(constraint)
  local mark = self:new_mark()
  local overridden = constraint:satisfy(mark)
  while overridden do overridden = overridden:satisfy(mark) end
end

function Planner:incremental_remove(constraint)
  local out = constraint:output()
  constraint:mark_unsatisfied()
  constraint:remove_from_graph()
  local unsatisfied = self:remove_propagate_from(out)
  for strength = REQUIRED, WEAKEST do
    for _, u in ipairs(unsatisfied) do
      if u.strength == strength then self:incremental_add(u) end
    end
  end
end

-- Adds to `todo` the constraints that take `variable` as an input.
function Planner:add_consumers(variable, todo)
  local determining = variable.determined_by
  for _, c in ipairs(variable.constraints) do
    if c ~= determining and c:is_satisfied() then todo[#todo + 1] = c end
  end
end

function Planner:add_propagate(constraint, mark)
  local todo = { constraint }
  while #todo > 0 do
    local c = table.remove(todo)
    if c:output().mark == mark then
      self:incremental_remove(constraint)
      return false
    end
    c:recalculate()
    self:add_consumers(c:output(), todo)
  end
  return true
end

function Planner:remove_propagate_from(out)
  out.determined_by = nil
  out.walk_strength = WEAKEST
  out.stay = true
  local unsatisfied, todo = {}, { out }
  while #todo > 0 do
    local v = table.remove(todo)
    for _, c in ipairs(v.constraints) do
      if not c:is_satisfied() then unsatisfied[#unsatisfied + 1] = c end
    end
    local determining = v.determined_by
    for _, c in ipairs(v.constraints) do
      if c ~= determining and c:is_satisfied() then
        c:recalculate()
        todo[#todo + 1] = c:output()
      end
    end
  end
  return unsatisfied
end

function Planner:make_plan(sources)
  local mark = self:new_mark()
  local plan, todo = {}, sources
  while #todo > 0 do
    local c = table.remove(todo)
    if c:output().mark ~= mark and c:inputs_known(mark) then
      plan[#plan + 1] = c
      c:output().mark = mark
      self:add_consumers(c:output(), todo)
    end
  end
  return plan
end

function Planner:plan_from(constraints)
  local sources = {}
  for _, c in ipairs(constraints) do
    if c:is_input() and c:is_satisfied() then sources[#sources + 1] = c end
  end
  return self:make_plan(sources)
end

local function execute(plan)
  for _, c in ipairs(plan) do c:execute() end
end

-- The two tests ---------------------------------------------------------------

local function chain(n)
  planner = setmetatable({ mark = 0 }, Planner)
  local first, last, previous
  for i = 0, n do
    local v = new_variable("v" .. i)
    if previous then new_equality(previous, v, REQUIRED) end
    if i == 0 then first = v end
    if i == n then last = v end
    previous = v
  end
  new_unary(Stay, last, STRONG_DEFAULT)
  local edit = new_unary(Edit, first, PREFERRED)
  local plan = planner:plan_from { edit }
  for i = 0, 99 do
    first.value = i
    execute(plan)
    assert(last.value == i, "chain: wrong value")
  end
  return #plan
end

local function change(variable, value)
  local edit = new_unary(Edit, variable, PREFERRED)
  local plan = planner:plan_from { edit }
  for _ = 1, 10 do
    variable.value = value
    execute(plan)
  end
  edit:disable()
end

local function projection(n)
  planner = setmetatable({ mark = 0 }, Planner)
  local scale, offset = new_variable("scale", 10), new_variable("offset", 1000)
  local source, target
  local targets = {}
  for i = 0, n - 1 do
    source = new_variable("source" .. i, i)
    target = new_variable("target" .. i, i)
    targets[#targets + 1] = target
    new_unary(Stay, source, NORMAL)
    new_scale(source, scale, offset, target, REQUIRED)
  end
  change(source, 17)
  assert(target.value == 1170, "projection 1")
  change(target, 1050)
  assert(source.value == 5, "projection 2")
  change(scale, 5)
  for i = 0, n - 2 do assert(targets[i + 1].value == i * 5 + 1000, "projection 3") end
  change(offset, 2000)
  local sum = 0
  for i = 0, n - 2 do
    assert(targets[i + 1].value == i * 5 + 2000, "projection 4")
    sum = sum + targets[i + 1].value
  end
  return sum
end

local steps, sum = 0, 0
for _ = 1, rounds do
  steps = steps + chain(SIZE)
  sum = sum + projection(SIZE)
end
print("deltablue", rounds, steps, sum)
