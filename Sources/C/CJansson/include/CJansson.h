// jansson parses JSON. Swift can use all of it that we need as it is.
#pragma once
#include <jansson.h>
