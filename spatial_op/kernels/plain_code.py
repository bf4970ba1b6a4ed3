"""Machine code for what surrounds kernels: whole numbers, addresses among them, no vectors."""

from llvmlite import ir

from .trace import LONG


class Code:
    """Writes one function into a module."""

    def __init__(self, module, name, inputs, result=LONG):
        self.module = module
        function = ir.Function(module, ir.FunctionType(result, [LONG] * inputs), name)
        self.builder, self.given = ir.IRBuilder(function.append_basic_block("entry")), function.args

    def pointer(self, base, offset, kind=LONG):
        """What is so many bytes behind an address."""
        offset = LONG(offset) if isinstance(offset, int) else offset
        return self.builder.inttoptr(self.builder.add(base, offset), kind.as_pointer())

    def read(self, base, offset, kind=LONG):
        """The number there."""
        return self.builder.load(self.pointer(base, offset, kind))

    def write(self, value, base, offset):
        """Put a number there."""
        value = LONG(value) if isinstance(value, int) else value
        self.builder.store(value, self.pointer(base, offset, value.type))

    def entry(self, base, index):
        """The number at an index."""
        return self.read(base, self.builder.mul(index, LONG(8)))

    def add(self, base, offset, number):
        """Add to a number that other threads add to; what it was."""
        return self.builder.atomic_rmw("add", self.pointer(base, offset), LONG(number), "seq_cst")

    def call(self, address, *inputs, result=LONG):
        """Call what is at an address."""
        kind = ir.FunctionType(result, [LONG] * len(inputs))
        called = self.builder.call(self.builder.inttoptr(address, kind.as_pointer()), list(inputs))
        called.fnty = kind
        return called

    def external(self, name, *inputs, result=LONG):
        """Call a function of the C library."""
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(result, [LONG] * len(inputs)), name)
        return self.builder.call(function, list(inputs))

    def blocks(self, *names):
        """Places to go on."""
        return [self.builder.function.append_basic_block(name) for name in names]

    def when(self, condition):
        """A branch, as a loop of one turn or none."""
        then, end = self.blocks("then", "end")
        self.builder.cbranch(condition, then, end)
        self.builder.position_at_end(then)
        yield
        if not self.builder.block.is_terminated:
            self.builder.branch(end)
        self.builder.position_at_end(end)

    def each(self, first, count):
        """A loop over indices."""
        builder = self.builder
        head, body, end = self.blocks("head", "body", "end")
        before = builder.block
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(LONG)
        index.add_incoming(LONG(first), before)
        builder.cbranch(builder.icmp_signed("<", index, count), body, end)
        builder.position_at_end(body)
        yield index
        index.add_incoming(builder.add(index, LONG(1)), builder.block)
        builder.branch(head)
        builder.position_at_end(end)

    def while_(self, condition):
        """A loop as long as ``condition()``, whose value may be used inside, holds: its value and whether it goes on."""
        head, body, end = self.blocks("head", "body", "end")
        self.builder.branch(head)
        self.builder.position_at_end(head)
        value, holds = condition()
        self.builder.cbranch(holds, body, end)
        self.builder.position_at_end(body)
        yield value
        self.builder.branch(head)
        self.builder.position_at_end(end)
