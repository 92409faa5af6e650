// libyaml turns YAML into events. Swift can use all of it that we need as it is.
#pragma once
#include <yaml.h>
