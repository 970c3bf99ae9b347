-- A small Lisp: reader, printer, lexical closures, tail calls by a loop, and a
-- few programs in it.
local Symbol = {}
local symbols = {}
local function symbol(name)
  local s = symbols[name]
  if not s then
    s = setmetatable({ name = name }, Symbol)
    symbols[name] = s
  end
  return s
end

local NIL = { "nil" }
local function cons(a, d) return { car = a, cdr = d } end

local function read(text)
  local at = 1
  local function skip()
    while true do
      local c = text:sub(at, at)
      if c == " " or c == "\n" then at = at + 1
      elseif c == ";" then
        while text:sub(at, at) ~= "\n" and at <= #text do at = at + 1 end
      else return c
      end
    end
  end
  local function form()
    local c = skip()
    if c == "" then error("unexpected end", 0) end
    if c == "'" then
      at = at + 1
      return cons(symbol "quote", cons(form(), NIL))
    end
    if c == "(" then
      at = at + 1
      local items = {}
      while skip() ~= ")" do items[#items + 1] = form() end
      at = at + 1
      local list = NIL
      for i = #items, 1, -1 do list = cons(items[i], list) end
      return list
    end
    local start = at
    while true do
      local d = text:sub(at, at)
      if d == "" or d == " " or d == "\n" or d == "(" or d == ")" then break end
      at = at + 1
    end
    local word = text:sub(start, at - 1)
    return tonumber(word) or symbol(word)
  end
  local forms = {}
  while skip() ~= "" do forms[#forms + 1] = form() end
  return forms
end

local function show(v)
  if v == NIL then return "()" end
  if type(v) == "boolean" then return v and "#t" or "#f" end
  if type(v) ~= "table" then return type(v) == "function" and "<primitive>" or tostring(v) end
  if getmetatable(v) == Symbol then return v.name end
  if v.body then return "<lambda>" end
  local parts = {}
  while v ~= NIL and type(v) == "table" and v.cdr do
    parts[#parts + 1] = show(v.car)
    v = v.cdr
  end
  if v ~= NIL then parts[#parts + 1] = ". " .. show(v) end
  return "(" .. table.concat(parts, " ") .. ")"
end

local Env = {}
local function new_env(parent) return setmetatable({ vars = {}, parent = parent }, Env) end
local function find(env, name)
  while env do
    if env.vars[name] ~= nil then return env end
    env = env.parent
  end
  error("unbound " .. name, 0)
end

local QUOTE, IF, DEFINE, SET, LAMBDA, LET, BEGIN = symbol "quote", symbol "if", symbol "define", symbol "set!",
  symbol "lambda", symbol "let", symbol "begin"

local eval
local function eval_list(list, env)
  local out = {}
  while list ~= NIL do
    out[#out + 1] = eval(list.car, env)
    list = list.cdr
  end
  return out
end

local function bind(f, args)
  local env = new_env(f.env)
  local params, i = f.params, 1
  while params ~= NIL do
    env.vars[params.car.name] = args[i] == nil and error("too few arguments", 0) or args[i]
    params, i = params.cdr, i + 1
  end
  return env
end

function eval(x, env)
  while true do
    if type(x) ~= "table" then return x end
    if getmetatable(x) == Symbol then return find(env, x.name).vars[x.name] end
    if x == NIL then return NIL end
    local head = x.car
    if head == QUOTE then
      return x.cdr.car
    elseif head == IF then
      local test = eval(x.cdr.car, env)
      if test ~= false then x = x.cdr.cdr.car else x = x.cdr.cdr.cdr.car end
    elseif head == DEFINE then
      local target = x.cdr.car
      if getmetatable(target) == Symbol then
        env.vars[target.name] = eval(x.cdr.cdr.car, env)
      else
        env.vars[target.car.name] = { params = target.cdr, body = x.cdr.cdr, env = env }
      end
      return NIL
    elseif head == SET then
      find(env, x.cdr.car.name).vars[x.cdr.car.name] = eval(x.cdr.cdr.car, env)
      return NIL
    elseif head == LAMBDA then
      return { params = x.cdr.car, body = x.cdr.cdr, env = env }
    elseif head == LET then
      local inner = new_env(env)
      local bindings = x.cdr.car
      while bindings ~= NIL do
        inner.vars[bindings.car.car.name] = eval(bindings.car.cdr.car, env)
        bindings = bindings.cdr
      end
      x, env = cons(BEGIN, x.cdr.cdr), inner
    elseif head == BEGIN then
      local body = x.cdr
      while body.cdr ~= NIL do
        eval(body.car, env)
        body = body.cdr
      end
      x = body.car
    else
      local f = eval(head, env)
      local args = eval_list(x.cdr, env)
      if type(f) == "function" then return f(unpack(args)) end
      if type(f) ~= "table" or not f.body then error("not a function: " .. show(f), 0) end
      env = bind(f, args)
      x = cons(BEGIN, f.body)
    end
  end
end

local global = new_env()
local vars = global.vars
vars["+"] = function(...) local s = 0 for i = 1, select("#", ...) do s = s + select(i, ...) end return s end
vars["*"] = function(...) local s = 1 for i = 1, select("#", ...) do s = s * select(i, ...) end return s end
vars["-"] = function(a, b) if b then return a - b end return -a end
vars["mod"] = function(a, b) return a % b end
vars["<"] = function(a, b) return a < b end
vars["="] = function(a, b) return a == b end
vars["car"] = function(c) return c.car end
vars["cdr"] = function(c) return c.cdr end
vars["cons"] = cons
vars["null?"] = function(v) return v == NIL end

local program = [[
(define (fact n) (if (< n 2) 1 (* n (fact (- n 1)))))
(fact 10)
(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(fib 14)
(define (loop n acc) (if (= n 0) acc (loop (- n 1) (+ acc n)))) ; a tail call
(loop 3000 0)
(define (map f l) (if (null? l) '() (cons (f (car l)) (map f (cdr l)))))
(define (filter p l)
  (if (null? l) '() (if (p (car l)) (cons (car l) (filter p (cdr l))) (filter p (cdr l)))))
(define (range a b) (if (< a b) (cons a (range (+ a 1) b)) '()))
(map (lambda (x) (* x x)) (range 0 10))
(filter (lambda (x) (= (mod x 3) 0)) (range 0 20))
(define (compose f g) (lambda (x) (f (g x))))
((compose (lambda (x) (* x 2)) fact) 5)
(define (counter) (let ((n 0)) (lambda () (begin (set! n (+ n 1)) n))))
(define c (counter))
(c) (c)
(c)
(let ((a 1) (b 2)) (define d 3) (+ a b d))
(define (sort l)
  (if (null? l) '()
    (let ((p (car l)) (rest (cdr l)))
      (append (sort (filter (lambda (x) (< x p)) rest))
        (cons p (sort (filter (lambda (x) (if (< x p) #f #t)) rest)))))))
(define (append a b) (if (null? a) b (cons (car a) (append (cdr a) b))))
(define #f (= 1 2)) (define #t (= 1 1))
(sort '(5 2 9 1 7 3 8))
'(a (b . c) "d" () (quote e))
(cons 1 2)
fact
+
(undefined 1)
(1 2)
(fact)
]]
for _, form in ipairs(read(program)) do
  local ok, v = pcall(eval, form, global)
  if not ok then print("error: " .. v) elseif v ~= NIL then print(show(v)) end
end
print(pcall(read, "(1 (2"))
