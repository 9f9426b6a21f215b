# SPDX-License-Identifier: BSD-2-Clause
# Run as a script after the room objects are made: writes the hash of one where the explorer can print it.
file(SHA256 ${OBJECT} hash)
file(WRITE ${OUT}.new "/* SPDX-License-Identifier: BSD-2-Clause */\n/* Made by cmake/provider_object.cmake. */\n\
#include \"sim/explore/provider_object.h\"\n\nconst char capos_provider_object[] = \"sha256:${hash}\";\n")
file(RENAME ${OUT}.new ${OUT})
