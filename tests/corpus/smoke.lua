-- The smallest program that shows that an engine runs at all.
print("hello")
