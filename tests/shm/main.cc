#define BOOST_TEST_MODULE smiley_shm
#include <boost/test/unit_test.hpp>
