# Signs in by keystoneauth's v3samlpassword and prints the token that it got.
import sys

from keystoneauth1 import session
from keystoneauth1.extras import _saml2

auth_url, idp_url, username, password = sys.argv[1:]
auth = _saml2.V3Saml2Password(auth_url, "idp", "saml2", idp_url, username, password)
print(auth.get_unscoped_auth_ref(session.Session()).auth_token)
