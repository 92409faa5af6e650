// The viewer page, inside the binary.
#pragma once
#include <stddef.h>

struct perch_asset {
    const char *path; // of its URL
    const char *type; // for Content-Type
    const unsigned char *bytes;
    size_t count;
};

extern const size_t perch_viewer_asset_count;
/// NULL past the end.
const struct perch_asset *perch_viewer_asset(size_t index);
