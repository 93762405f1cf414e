// Locked, undumped memory for the private keys that OpenSSL keeps itself.
#pragma once

namespace latchkey::platform {

// Once, before the first key is made. From then on private keys of signatures and of key agreement lie there,
// in kSecureHeap bytes; where the system does not lock them, they lie there all the same. False: OpenSSL said
// no, and they lie where everything else does.
constexpr unsigned kSecureHeap = 256 * 1024;
bool OpenSecureHeap();

}  // namespace latchkey::platform
