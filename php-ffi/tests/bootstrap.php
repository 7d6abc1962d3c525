<?php

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/BoardTestCase.php';
require __DIR__ . '/PlainParent.php';
require __DIR__ . '/Plain.php';
require __DIR__ . '/Tank.php';
