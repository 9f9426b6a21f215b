# SPDX-License-Identifier: BSD-2-Clause
# Run as a script after the room objects are made: writes their hashes where the image can print them.
file(SHA256 ${OBJECT} hash)
file(WRITE ${OUT}.new "/* SPDX-License-Identifier: BSD-2-Clause */\n/* Made by cmake/image_facts.cmake. */\n\
#include \"kernel/image_facts.h\"\n\nconst char capos_provider_object[] = \"sha256:${hash}\";\n")
file(RENAME ${OUT}.new ${OUT})
