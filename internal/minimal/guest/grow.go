package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/nubo-cloud/nubo/internal/minimal/gpt"
	"golang.org/x/sys/unix"
)

// growPartition stretches a partition over its disk; on a disk without a
// partition table there is nothing to stretch. Repeatable.
func growPartition(name string) error {
	number, ok := sysNumber(name, "partition")
	if !ok {
		return nil
	}
	link, err := filepath.EvalSymlinks(filepath.Join("/sys/class/block", name))
	if err != nil {
		return err
	}
	disk := filepath.Base(filepath.Dir(link))
	sectors, ok := sysNumber(disk, "size")
	if !ok {
		return fmt.Errorf("the size of %s is unknown", disk)
	}
	f, err := os.OpenFile("/dev/"+disk, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	p, grown, err := gpt.Grow(f, sectors*gpt.SectorSize, int(number))
	if errors.Is(err, gpt.ErrNoTable) || (err == nil && !grown) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return tellKernel(f, p)
}

const (
	blkpg                = 0x1269
	blkpgResizePartition = 3
)

type blkpgPartition struct {
	start, length int64 // bytes
	number        int32
	_             [128]byte
	_             [4]byte
}

type blkpgArgument struct {
	op, flags, length int32
	_                 int32
	data              unsafe.Pointer
}

// tellKernel resizes a partition in the running kernel; a whole re-read of the
// table is refused once anything on the disk is in use.
func tellKernel(disk *os.File, p gpt.Partition) error {
	part := blkpgPartition{
		start: int64(p.First) * gpt.SectorSize, length: int64(p.Last-p.First+1) * gpt.SectorSize, number: int32(p.Number),
	}
	arg := blkpgArgument{op: blkpgResizePartition, length: int32(unsafe.Sizeof(part)), data: unsafe.Pointer(&part)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, disk.Fd(), blkpg, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return fmt.Errorf("tell the kernel the partition's new size: %w", errno)
	}
	return nil
}

// ext4ResizeFS is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64): the new size in
// blocks of the filesystem.
const ext4ResizeFS = 0x40086610

// growFilesystem stretches the mounted filesystem over its device. Repeatable.
func growFilesystem(target, device string) error {
	sectors, ok := sysNumber(device, "size")
	if !ok {
		return fmt.Errorf("the size of %s is unknown", device)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(target, &st); err != nil {
		return err
	}
	blocks := uint64(sectors) * 512 / uint64(st.Bsize)
	d, err := os.Open(target)
	if err != nil {
		return err
	}
	defer d.Close()
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), ext4ResizeFS, uintptr(unsafe.Pointer(&blocks)))
	if errno != 0 && errno != unix.EBUSY {
		return errno
	}
	return nil
}
