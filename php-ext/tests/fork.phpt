--TEST--
A forked child reads on, and cannot publish for its parent
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__ . '/boards.inc';
use Pegel\{InvalidArgument, Reader, Schema, Writer};

$writer = Writer::create("$directory/b", Schema::json(1000));
$writer->publish(['by' => 'parent']);
$kept = Pegel\read("$directory/b");
$reader = Reader::open("$directory/b");
$reader->read();
[$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, STREAM_IPPROTO_IP);
$child = pcntl_fork();
if ($child === 0) {
    try {
        $writer->publish(['by' => 'child']);
    } catch (InvalidArgument $exception) {
        echo "refused\n";
    }
    fwrite($theirs, "ready\n");
    fgets($theirs);
    echo json_encode([$kept, Pegel\read("$directory/b"), $reader->read()]), "\n";
    flush();
    posix_kill(getmypid(), SIGKILL);
}
fgets($ours);
$writer->publish(['by' => 'parent again']);
fwrite($ours, "go\n");
pcntl_waitpid($child, $status);
echo json_encode([$kept, Pegel\read("$directory/b"), $reader->read()]), "\n";
?>
--EXPECT--
refused
[{"by":"parent"},{"by":"parent again"},{"by":"parent again"}]
[{"by":"parent"},{"by":"parent again"},{"by":"parent again"}]
