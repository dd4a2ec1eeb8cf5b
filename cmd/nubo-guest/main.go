// Command nubo-guest is the one program of the minimal image: as process 1 it
// is the guest's init; under the names of its links it is a tool (lsblk, blkid,
// sudo, rawsend, ...). It is built by scripts/build-guest-init.sh and embedded
// in the nubo binary.
package main

import (
	"fmt"
	"os"

	"github.com/nubo-cloud/nubo/internal/minimal/guest"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/applet"
)

func main() {
	if os.Getpid() != 1 {
		os.Exit(applet.Main(os.Args))
	}
	// The kernel panics when process 1 ends; the error stays on the console.
	if err := guest.Run(); err != nil {
		fmt.Println("nubo-guest:", err)
	}
	os.Exit(1)
}
