// The declarations of pegel.h with C linkage.

#ifndef PEGEL_HPP
#define PEGEL_HPP

#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "pegel.h"
}

#endif
