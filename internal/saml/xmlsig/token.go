package xmlsig

// Name is an element's or attribute's name. Space is what the prefix stands for.
type Name struct{ Prefix, Space, Local string }

// Is reports whether a name is this one, whatever its prefix.
func (n Name) Is(space, local string) bool { return n.Local == local && n.Space == space }

// Attr is an attribute that declares no namespace.
type Attr struct {
	Name
	Value string
}

// Binding is a declared namespace; the prefix is empty for the default one.
type Binding struct{ Prefix, Space string }

// lookup finds what a prefix stands for; later bindings hide earlier ones.
func lookup(bindings []Binding, prefix string) (space string, bound bool) {
	for i := len(bindings) - 1; i >= 0; i-- {
		if bindings[i].Prefix == prefix {
			return bindings[i].Space, true
		}
	}
	return "", false
}

// Kind is what a token is.
type Kind int

// Kinds of tokens.
const (
	StartTag Kind = iota
	EndTag
	Text
)

// Token is a piece of a document. It is good until the next one is read.
type Token struct {
	Kind  Kind
	Name         // of a tag
	Attrs []Attr // of a start tag
	Text  []byte // with entities and line ends resolved

	declared []Binding
}

// Limits bound what a document may cost its reader.
type Limits struct {
	Bytes      int64
	Depth      int
	Attributes int  // of one element, namespaces included
	TokenBytes int  // of one text or tag
	Comments   bool // are skipped; else they are an error
}
