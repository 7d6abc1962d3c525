<?php

/** The last commands of all senders, and their stages. @var Station\View $this */

declare(strict_types=1);

use Station\Commands;

$list = (new Commands($this->boards))->newest();
?>
<?php if ($list === []) : ?>
<p class="hint"><?= $this->say('no commands') ?></p>
    <?php return;
endif ?>
<table class="commands">
<?php foreach ($list as ['command' => $command, 'answer' => $answer]) : ?>
    <?php
    $stage = $answer['stage'] ?? 'sent';
    $limit = $command['action'] !== 'limit' ? '' : ' '
        . $this->number($command['limit'], 0, $command['relative'] ? '%' : 'W');
    ?>
  <tr data-command="<?= $command->sequence ?>" data-stage="<?= $this->e($stage) ?>">
    <td class="moment"><?= $this->texts->time($command['sent']) ?></td>
    <th scope="row"><?= $this->e($this->status->name($command['inverter'])) ?>:
      <?= $this->e($this->texts->of($command['action'])), $limit ?></th>
    <td><span class="stage"><?= $this->say("stage $stage") ?></span>
    <?php if ($stage === 'refused') : ?>
      <span class="why"><?= $this->e($this->texts->of($answer['reason'])) ?></span>
    <?php endif ?></td>
    <td class="by"><?= $this->e($this->texts->of($command['sender'])) ?></td>
  </tr>
<?php endforeach ?>
</table>
