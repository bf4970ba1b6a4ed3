"""Instructions of a function, each written once, and outside of the loops whose turns do not change it.

LLVM's own passes would find both too, at half of the time that compiling takes: here it is known when an instruction is written.
"""

import contextlib
from typing import NamedTuple

from llvmlite import ir

# Dividing whole numbers by zero ends the process, so a division stays behind the condition that it is written behind.
STAYING = frozenset({"sdiv", "srem"})


class Loop(NamedTuple):
    """Where what its turns do not change is written, and the same for their keys."""

    before: ir.Block
    keys: list


class Builder(ir.IRBuilder):
    """Writes into a function; ``once`` serves instructions that have no effect, and whose result is always the same.

    What is ``known`` is in force where the next instruction is written: it came before, and behind no other condition.
    """

    def __init__(self, function):
        super().__init__(function.append_basic_block("entry"))
        self.known, self.keys, self.loops = {}, [], []
        self.depths = {self.block: 0}

    def begin(self, name):
        """A new block, inside the present loops."""
        block = self.function.append_basic_block(name)
        self.depths[block] = len(self.loops)
        return block

    @contextlib.contextmanager
    def scope(self):
        """Forget in the end what is written inside."""
        outer, self.keys = self.keys, []
        yield
        for key in self.keys:
            del self.known[key]
        self.keys = outer

    def once(self, name, *operands, **more):
        """The instruction of one of the builder's methods, or the one that was written before."""
        key = name, *[part if isinstance(part, str) else id(part) for part in operands], *more.items()
        found = self.known.get(key)
        if found is None:
            code = self.write(key, name, operands, more)
            # Operands are kept, since another one might get their place in memory.
            self.known[key] = found = code, operands
        return found[0]

    def write(self, key, name, operands, more):
        """Write an instruction as far outside as its operands are."""
        depths = [self.depths[part.parent] for part in operands if isinstance(part, ir.Instruction)]
        needed = max(depths, default=0)
        if needed >= len(self.loops) or name in STAYING:
            self.keys.append(key)
            return getattr(self, name)(*operands, **more)
        loop, here = self.loops[needed], self.block
        loop.keys.append(key)
        self.position_at_end(loop.before)
        code = getattr(self, name)(*operands, **more)
        self.position_at_end(here)
        return code

    def call_of(self, function, *inputs):
        """A call, as ``once`` takes it."""
        return self.call(function, inputs)

    def behind(self, pointer, offset):
        """The pointer to something so far behind."""
        return self.gep(pointer, [offset])

    def lanes_behind(self, pointer, offsets, kind):
        """Pointers that are so far behind, which llvmlite only knows of a single one: it is told afterwards."""
        code = self.gep(pointer, [offsets.type.element(0)])
        code.type, code.indices, code.operands = kind, [offsets], [pointer, offsets]
        return code

    def loop(self, first, last, step):
        """The numbers of a loop's turns, traced as one; the condition is asked at the end of a turn, and once before the first."""
        before, end = self.begin("before"), self.begin("end")
        self.cbranch(self.icmp_signed("<", first, last), before, end)
        with self.scope():
            self.loops.append(Loop(before, self.keys))
            with self.scope():
                turn = self.begin("turn")
                self.position_at_end(turn)
                number = self.phi(first.type)
                yield number
                following = self.add(number, step)
                number.add_incoming(first, before)
                number.add_incoming(following, self.block)
                self.cbranch(self.icmp_signed("<", following, last), turn, end)
            self.loops.pop()
            self.position_at_end(before)
            self.branch(turn)
        self.position_at_end(end)

    def branch_of(self, condition):
        """What is written inside is done where the condition holds."""
        then, end = self.begin("then"), self.begin("end")
        self.cbranch(condition, then, end)
        self.position_at_end(then)
        with self.scope():
            yield
        self.branch(end)
        self.position_at_end(end)
