"""Kernels as XLA calls them: machine code that takes a call frame of XLA's foreign function interface, so that no Python runs.

A call has two attributes, arrays of whole numbers: ``numbers`` are a kernel's arguments, 64 bits each; ``places`` says
which of them is the address of each operand, and then of each result. A handler puts the addresses where they belong and
calls its kernel, once, as one part of one. In place of a kernel there may be a function of Python's. The last of the numbers is
0 and stays so, unless something went wrong: then it becomes the address of a text. The layout of frames is that of XLA's
``ffi/api/c_api.h``, version 0.
"""

import ctypes
import functools

from llvmlite import ir

from . import machine_code
from .trace import INT, LONG

# Where a frame's parts lie, in bytes. The arrays of buffers, and of attributes, are arrays of pointers.
EXTENSION, API, OPERANDS, OPERAND_LIST, RESULTS, RESULT_LIST, ATTRIBUTE_LIST = 8, 16, 56, 72, 96, 112, 160
DATA = 24  # of a buffer
SIZE, NUMBERS = 8, 16  # of an attribute
# A frame with this extension asks for the version of the interface, and calls nothing.
EXTENSION_KIND, METADATA, ASKED = 8, 24, 1
MAJOR, MINOR = 24, 28  # of the answer
CREATE_ERROR = 48  # of the interface
# What an error is made of: the size of this, nothing, a text, and the code of an internal error.
ERROR_SIZE, ERROR_TEXT, ERROR_CODE, INTERNAL = 28, 16, 24, 13


class Frame:
    """Writes the handler's code, for a minor version of the interface; addresses are whole numbers."""

    def __init__(self, minor):
        self.minor = minor
        self.module = ir.Module("handler")
        self.kernel = ir.GlobalVariable(self.module, LONG, "kernel")
        self.kernel.initializer = LONG(0)
        function = ir.Function(self.module, ir.FunctionType(LONG, [LONG]), "handle")
        self.builder, self.frame = ir.IRBuilder(function.append_basic_block("entry")), function.args[0]

    def pointer(self, base, offset, kind=LONG):
        """What is so many bytes behind an address."""
        offset = LONG(offset) if isinstance(offset, int) else offset
        return self.builder.inttoptr(self.builder.add(base, offset), kind.as_pointer())

    def read(self, base, offset, kind=LONG):
        """The number there."""
        return self.builder.load(self.pointer(base, offset, kind))

    def write(self, value, base, offset):
        """Put a number there."""
        self.builder.store(value, self.pointer(base, offset, value.type))

    def entry(self, base, index):
        """The number at an index."""
        return self.read(base, self.builder.mul(index, LONG(8)))

    def each(self, count):
        """A loop over indices."""
        builder = self.builder
        head, body, end = (builder.function.append_basic_block(name) for name in ("head", "body", "end"))
        before = builder.block
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(LONG)
        index.add_incoming(LONG(0), before)
        builder.cbranch(builder.icmp_signed("<", index, count), body, end)
        builder.position_at_end(body)
        yield index
        index.add_incoming(builder.add(index, LONG(1)), builder.block)
        builder.branch(head)
        builder.position_at_end(end)

    def answer(self, extension):
        """Say the version; the rest of the answer stays as it is, zeros."""
        told = self.read(extension, METADATA)
        self.write(INT(0), told, MAJOR)
        self.write(INT(self.minor), told, MINOR)

    def call(self):
        """Put the arguments together and call the kernel."""
        builder, attributes = self.builder, self.read(self.frame, ATTRIBUTE_LIST)
        numbers, places = self.read(attributes, 0), self.read(self.read(attributes, 8), NUMBERS)
        count, given = self.read(numbers, SIZE), self.read(numbers, NUMBERS)
        arguments = builder.ptrtoint(builder.alloca(LONG, count), LONG)
        for index in self.each(count):
            self.write(self.entry(given, index), arguments, builder.mul(index, LONG(8)))
        operands, results = self.read(self.frame, OPERANDS), self.read(self.frame, RESULTS)
        for size, buffers, first in ((operands, OPERAND_LIST, LONG(0)), (results, RESULT_LIST, operands)):
            buffers = self.read(self.frame, buffers)
            for index in self.each(size):
                place = self.entry(places, builder.add(first, index))
                self.write(self.read(self.entry(buffers, index), DATA), arguments, builder.mul(place, LONG(8)))
        kind = ir.FunctionType(ir.VoidType(), [LONG] * 3)
        kernel = builder.inttoptr(builder.load(self.kernel), kind.as_pointer())
        builder.call(kernel, [LONG(0), LONG(1), arguments]).fnty = kind
        return self.entry(arguments, builder.sub(count, LONG(1)))

    def error(self, text):
        """An error for XLA to raise."""
        builder = self.builder
        given = builder.ptrtoint(builder.alloca(LONG, LONG(4)), LONG)
        for number, offset in ((ERROR_SIZE, 0), (0, 8)):
            self.write(LONG(number), given, offset)
        self.write(text, given, ERROR_TEXT)
        self.write(INT(INTERNAL), given, ERROR_CODE)
        kind = ir.FunctionType(LONG, [LONG])
        create = builder.inttoptr(self.read(self.read(self.frame, API), CREATE_ERROR), kind.as_pointer())
        created = builder.call(create, [given])
        created.fnty = kind
        return created

    def text(self):
        """The module's text: null is returned if all is well."""
        builder = self.builder
        names = ("some", "asked", "work", "wrong", "well")
        some, asked, work, wrong, well = (builder.function.append_basic_block(name) for name in names)
        extension = self.read(self.frame, EXTENSION)
        builder.cbranch(builder.icmp_unsigned("!=", extension, LONG(0)), some, work)
        builder.position_at_end(some)
        builder.cbranch(builder.icmp_signed("==", self.read(extension, EXTENSION_KIND, INT), INT(ASKED)), asked, work)
        builder.position_at_end(asked)
        self.answer(extension)
        builder.ret(LONG(0))
        builder.position_at_end(work)
        said = self.call()
        builder.cbranch(builder.icmp_unsigned("==", said, LONG(0)), well, wrong)
        builder.position_at_end(wrong)
        builder.ret(self.error(said))
        builder.position_at_end(well)
        builder.ret(LONG(0))
        return str(self.module)


@functools.cache
def text(minor):
    """The same for every kernel."""
    return Frame(minor).text()


def handler(address, minor):
    """The address of a handler that calls what is at this one."""
    engine = machine_code.loaded(text(minor), "calls by XLA")
    ctypes.c_int64.from_address(engine.get_global_value_address("kernel")).value = address
    return engine.get_function_address("handle")


# What handlers call may never go away.
CALLED = []


def address_of(function):
    """The address of a function of Python's, of (part, threads, arguments), the last an address."""
    CALLED.append(ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(function))
    return ctypes.cast(CALLED[-1], ctypes.c_void_p).value
