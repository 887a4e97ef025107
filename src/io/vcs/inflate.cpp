// SPDX-License-Identifier: MIT
// libgit2 1.5 asks zlib for the rest of a loose object for ever when the file was cut short (mended upstream
// later). The linker sends its calls here (--wrap=inflate): where all input is given, room is left and
// nothing came, nothing will, and that is an error.
#include <zlib.h>

extern "C" {
int __real_inflate(z_streamp stream, int flush);
int __wrap_inflate(z_streamp stream, int flush);

int __wrap_inflate(z_streamp stream, int flush) {
  const uInt room = stream->avail_out;
  const int code = __real_inflate(stream, flush);
  const bool stuck = code == Z_BUF_ERROR && flush == Z_FINISH && stream->avail_in == 0 && room > 0 &&
                     stream->avail_out == room;
  return stuck ? Z_DATA_ERROR : code;
}
}
