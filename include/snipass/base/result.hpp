// SPDX-License-Identifier: BSL-1.0
// result<T>: a value or an error code. Bytes from strangers and failing system calls are answered with values
// of this type, never with exceptions.
#pragma once

#include <boost/system/result.hpp>

namespace snipass {

using boost::system::error_code;

template <class T>
using result = boost::system::result<T>;

} // namespace snipass
