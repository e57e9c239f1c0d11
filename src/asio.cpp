// SPDX-License-Identifier: BSL-1.0
// The one translation unit that compiles Boost.Asio's own sources; every other file only declares them.
#include <boost/asio/impl/src.hpp>
