// SPDX-License-Identifier: MIT
// What libgit2's Negotiate log-in over HTTP would call. It is unreachable: repositories here are local
// folders. Each says "unavailable" (GSS_S_UNAVAILABLE), so that even a mistake is an error and no silence.
extern "C" {
extern const void* const GSS_C_NT_HOSTBASED_SERVICE;
const void* const GSS_C_NT_HOSTBASED_SERVICE = nullptr;

#define OCTO_NO_GSSAPI(name) \
  unsigned name();           \
  unsigned name() { return 16U << 16; }
OCTO_NO_GSSAPI(gss_delete_sec_context)
OCTO_NO_GSSAPI(gss_display_status)
OCTO_NO_GSSAPI(gss_import_name)
OCTO_NO_GSSAPI(gss_indicate_mechs)
OCTO_NO_GSSAPI(gss_init_sec_context)
OCTO_NO_GSSAPI(gss_release_buffer)
OCTO_NO_GSSAPI(gss_release_name)
OCTO_NO_GSSAPI(gss_release_oid_set)
#undef OCTO_NO_GSSAPI
}
