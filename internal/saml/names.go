package saml

// Namespaces.
const (
	samlSpace     = "urn:oasis:names:tc:SAML:2.0:assertion"
	protocolSpace = "urn:oasis:names:tc:SAML:2.0:protocol"
	metadataSpace = "urn:oasis:names:tc:SAML:2.0:metadata"
	dsSpace       = "http://www.w3.org/2000/09/xmldsig#"
	soapSpace     = "http://schemas.xmlsoap.org/soap/envelope/"
	paosSpace     = "urn:liberty:paos:2003-08"
	ecpSpace      = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp"
	uiSpace       = "urn:oasis:names:tc:SAML:metadata:ui"
	scopeSpace    = "urn:mace:shibboleth:metadata:1.0"
	infoSpace     = "urn:oasis:names:tc:SAML:metadata:rpi"
	entitySpace   = "urn:oasis:names:tc:SAML:metadata:attribute"
	xmlSpace      = "http://www.w3.org/XML/1998/namespace"
)

const (
	success      = "urn:oasis:names:tc:SAML:2.0:status:Success"
	bearerMethod = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	entityFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
)
