"""Reads and writes the daemon's catalog (docs/on-disk-format.md) while no daemon runs, with the library that the daemon itself uses."""

import ctypes
import ctypes.util

JOBS = b"j"
PARTIALS = b"p"


def _library():
    library = ctypes.CDLL(ctypes.util.find_library("rocksdb"))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, *arguments in [
            ("options_create", pointer), ("readoptions_create", pointer),
            ("open_for_read_only", pointer, pointer, ctypes.c_char_p, ctypes.c_ubyte, ctypes.POINTER(ctypes.c_char_p)),
            ("options_set_create_if_missing", None, pointer, ctypes.c_ubyte), ("writeoptions_create", pointer),
            ("open", pointer, pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)),
            ("put", None, pointer, pointer, ctypes.c_char_p, size, ctypes.c_char_p, size, ctypes.POINTER(ctypes.c_char_p)),
            ("delete", None, pointer, pointer, ctypes.c_char_p, size, ctypes.POINTER(ctypes.c_char_p)),
            ("create_iterator", pointer, pointer, pointer), ("iter_seek", None, pointer, ctypes.c_char_p, size),
            ("iter_valid", ctypes.c_ubyte, pointer), ("iter_key", pointer, pointer, ctypes.POINTER(size)),
            ("iter_value", pointer, pointer, ctypes.POINTER(size)), ("iter_next", None, pointer), ("iter_destroy", None, pointer), ("close", None, pointer)]:
        function = getattr(library, f"rocksdb_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def rows(folder, table=b""):
    """Key and value, one after the other, of every row whose key begins so."""
    rocksdb = _library()
    error = ctypes.c_char_p()
    database = rocksdb.rocksdb_open_for_read_only(rocksdb.rocksdb_options_create(), str(folder).encode(), 0, ctypes.byref(error))
    if error.value:
        raise AssertionError(f"{folder}: {error.value.decode()}")
    row = rocksdb.rocksdb_create_iterator(database, rocksdb.rocksdb_readoptions_create())
    rocksdb.rocksdb_iter_seek(row, table, len(table))
    while rocksdb.rocksdb_iter_valid(row):
        parts = []
        for part in (rocksdb.rocksdb_iter_key, rocksdb.rocksdb_iter_value):
            length = ctypes.c_size_t()
            parts.append(ctypes.string_at(part(row, ctypes.byref(length)), length.value))
        if not parts[0].startswith(table):
            break
        yield tuple(parts)
        rocksdb.rocksdb_iter_next(row)
    rocksdb.rocksdb_iter_destroy(row)
    rocksdb.rocksdb_close(database)


def keys(folder, table):
    """The keys of one table, which its letter names."""
    return [key[len(table):].decode() for key, _ in rows(folder, table)]


def put(folder, changes):
    """Writes {key: value}, keys as rows() gives them, and makes the catalog where there is none; what is None is deleted."""
    rocksdb = _library()
    error = ctypes.c_char_p()
    options = rocksdb.rocksdb_options_create()
    rocksdb.rocksdb_options_set_create_if_missing(options, 1)
    database = rocksdb.rocksdb_open(options, str(folder).encode(), ctypes.byref(error))
    write = rocksdb.rocksdb_writeoptions_create()
    for key, value in changes.items() if not error.value else ():
        if value is None:
            rocksdb.rocksdb_delete(database, write, key, len(key), ctypes.byref(error))
        else:
            rocksdb.rocksdb_put(database, write, key, len(key), value, len(value), ctypes.byref(error))
    if error.value:
        raise AssertionError(f"{folder}: {error.value.decode()}")
    rocksdb.rocksdb_close(database)
