#pragma once

/// Every bound of the product; those of what nodes do with one another are in config/cluster_limits.hpp.
#include "config/account_limits.hpp"
#include "config/server_limits.hpp"
