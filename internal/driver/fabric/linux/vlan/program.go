package vlan

import (
	"math/bits"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// What a program answers to the hook (linux/pkt_cls.h).
const (
	verdictPass = 0
	verdictDrop = 2
)

// Where struct __sk_buff, a program's view of a frame, has its fields (linux/bpf.h).
const (
	offsetTagged = 20
	offsetTag    = 24
)

const tagMask = 0x0fff

// splitProgram looks a frame's tag up in a table of interface indexes, takes the tag off and sends the frame there.
func splitProgram(branches map[int]uint32, s Strays) (*ebpf.Program, error) {
	table, err := tableOf(branches)
	if err != nil {
		return nil, err
	}
	defer table.Close() // the program holds it
	strays := int32(verdictDrop)
	if s == PassStrays {
		strays = verdictPass
	}
	return load(asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.Mov.Imm(asm.R7, Untagged),
		asm.LoadMem(asm.R8, asm.R6, offsetTagged, asm.Word),
		asm.JEq.Imm(asm.R8, 0, "look"),
		asm.LoadMem(asm.R7, asm.R6, offsetTag, asm.Word),
		asm.And.Imm(asm.R7, tagMask),

		asm.StoreMem(asm.RFP, -4, asm.R7, asm.Word).WithSymbol("look"),
		asm.LoadMapPtr(asm.R1, table.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R9, asm.R0, 0, asm.Word),
		asm.JEq.Imm(asm.R9, 0, "stray"),

		asm.JEq.Imm(asm.R8, 0, "send"),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnSkbVlanPop.Call(),
		asm.Mov.Reg(asm.R1, asm.R9).WithSymbol("send"),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),

		asm.JEq.Imm(asm.R7, Untagged, "pass").WithSymbol("stray"), // also tagged for priority alone
		asm.Mov.Imm(asm.R0, strays),
		asm.Return(),
		asm.Mov.Imm(asm.R0, verdictPass).WithSymbol("pass"),
		asm.Return(),
	})
}

// tableOf is an array by tag; where there is no branch it says 0, which no interface has.
func tableOf(branches map[int]uint32) (*ebpf.Map, error) {
	table, err := ebpf.NewMap(&ebpf.MapSpec{Name: "branches", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: TagMax + 1})
	if err != nil {
		return nil, err
	}
	for tag, index := range branches {
		if err := table.Put(uint32(tag), index); err != nil {
			table.Close()
			return nil, err
		}
	}
	return table, nil
}

// joinProgram puts a tag on a frame, unless it is Untagged, and sends it out at a trunk.
func joinProgram(trunk, tag int) (*ebpf.Program, error) {
	var program asm.Instructions
	if tag != Untagged {
		program = asm.Instructions{
			asm.Mov.Imm(asm.R2, int32(bits.ReverseBytes16(unix.ETH_P_8021Q))), // as on the wire
			asm.Mov.Imm(asm.R3, int32(tag)),
			asm.FnSkbVlanPush.Call(),
		}
	}
	return load(append(program,
		asm.Mov.Imm(asm.R1, int32(trunk)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return()))
}

func load(program asm.Instructions) (*ebpf.Program, error) {
	return ebpf.NewProgram(&ebpf.ProgramSpec{Name: "nubo", Type: ebpf.SchedCLS, License: "Apache-2.0", Instructions: program})
}
